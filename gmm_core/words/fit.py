"""What a run found, in one plain sentence computed from it.

A sentence is a list of segments, so that a page can set what speaks of a component in that
component's colour. Components are numbered by weight, largest first.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, parameter_columns, table_columns
from gmm_core.formatting import count, number, numeral, percent, rounded
from gmm_core.mixture import Mixture, Parameters
from gmm_core.mixture.in_table import parameters_in_table
from gmm_core.runs.heaped import heap_of_fit
from gmm_core.runs.methods import METHODS
from gmm_core.runs.options import MapOptions
from gmm_core.runs.results import MapFit
from gmm_core.words import search
from gmm_core.words.segments import NOISE, Segment

Array = NDArray[np.float64]

FAST = 0.5
"""Learning rate beyond which one step multiplies a scale by more than 1.6."""

FAR = 5.0
"""Factor on the usual starting scale beyond which the start itself is a cause."""


def place(loc: Iterable[float], scale: Iterable[float]) -> str:
    """Name a location, as fine as a hundredth of the scale: a number, or a bracket of several."""
    numbers = [rounded(float(v), float(s)) for v, s in zip(loc, scale, strict=True)]
    if len(numbers) == 1:
        return numbers[0]
    return f"({', '.join(numbers[:3])}{', …' if len(numbers) > 3 else ''})"


def point_answer(dataset: Dataset, parameters: Parameters) -> list[Segment]:
    """Say where the components are and how much of the data each explains."""
    parameters = parameters.permuted(parameters.order)
    N, K = dataset.n, len(parameters.weights)
    verb = "explains" if K == 1 else "explain"
    words = [
        Segment(
            f"{numeral(K).capitalize()} component{'' if K == 1 else 's'} {verb} these "
            f"{count(N, 'point')}: "
        )
    ]
    shown = min(K, 4)
    for k in range(shown):
        if k:
            words.append(Segment(" and " if k == K - 1 else ", "))
        share = percent(float(parameters.weights[k]))
        where = place(*_in_table(dataset, parameters.locs[k], parameters.scales[k]))
        words.append(Segment(f"{share} near {where}", k))
    if shown < K:
        words.append(Segment(f" and {numeral(K - shown)} smaller"))
    scales = parameters_in_table(dataset, parameters).scales
    if scales.shape[1] == 1:
        same = bool((abs(scales - scales[0]) < 1e-9 * scales[0]).all())
        named = parameter_columns(dataset)[0]
        of = "" if named == table_columns(dataset)[0] else f' of "{named}"'
        if same and K > 1:
            words.append(Segment(f", each with standard deviation {number(scales[0, 0])}{of}"))
        elif shown >= K:
            sds = [number(float(s)) for s in scales[:, 0]]
            listed = sds[0] if K == 1 else f"{', '.join(sds[:-1])} and {sds[-1]}"
            words.append(Segment(f", with standard deviation{'' if K == 1 else 's'} {listed}{of}"))
    if parameters.noise is not None:
        words += [Segment("; "), Segment(f"{percent(float(parameters.noise))} is noise", NOISE)]
    if dataset.transforms is None:
        return [*words, Segment(". ")]
    return [*words, Segment(". Places are in the units of the table. ")]


def _in_table(dataset: Dataset, loc: Array, scale: Array) -> tuple[Array, Array]:
    """Return a loc [D] and how far its scale reaches there, in the units of the table."""
    ends = [
        [float(in_table(dataset, d, z)) for d, z in enumerate(where)]
        for where in (loc, loc - scale / 2, loc + scale / 2)
    ]
    return np.array(ends[0]), np.abs(np.subtract(ends[2], ends[1]))


def fit_answer(
    dataset: Dataset, mixture: Mixture, fit: MapFit, options: MapOptions | None = None
) -> list[Segment]:
    """Say what the chosen restart found and what became of the others.

    Parameters
    ----------
    options : how it was fitted, for the cause of a collapse.
    """
    R, verdict = len(fit.loss), str(fit.verdict[fit.chosen])
    if verdict == "failed":
        steps = int(fit.steps_made[fit.chosen])
        return [
            Segment(
                f"The fit failed: after {count(steps, 'step')} the loss was no longer a number. "
                "The learning rate is too high for this data; lower it and run again."
            )
        ]
    if verdict == "collapsed":
        trained = R - fit.count("untrained")
        start = "The chosen start" if trained < R or R == 1 else f"All {count(R, 'start')}"
        reason = collapse_reason(dataset, mixture, fit, options)
        return [Segment(f"{start} collapsed: {reason}")]
    words = point_answer(dataset, fit.parameters)
    if verdict == "moving":
        words[:0] = [Segment("Not converged: the loss still falls. So far, ")]
        words[1] = Segment(words[1].text[0].lower() + words[1].text[1:])
    if fit.count("untrained"):
        words.append(
            Segment(
                f"Only the start with the smallest initial loss was trained (1 of {R:,})."
                if R > 1
                else "It had a single start."
            )
        )
        return words
    if verdict == "moving":
        moving = fit.count("moving")
        words.append(
            Segment(
                f"{moving:,} of {count(R, 'start')} {'is' if moving == 1 else 'are'} still moving: "
                f"{METHODS[(options or MapOptions()).method].further}."
            )
        )
        return words
    agree = int((fit.basin == fit.basin[fit.chosen]).sum())
    collapsed, failed = fit.count("collapsed"), fit.count("failed")
    if agree == 1 < R:
        words.append(Segment(f"Only one of {R:,} starts ended here: more may find a better one"))
    else:
        words.append(Segment(f"{agree:,} of {count(R, 'start')} agree"))
    elsewhere = R - agree - collapsed - failed
    rest = [
        f"{n:,} {what}"
        for n, what in (
            (elsewhere, "ended elsewhere"),
            (collapsed, "collapsed and " + ("is" if collapsed == 1 else "are") + " set aside"),
            (failed, "failed"),
        )
        if n
    ]
    words.append(Segment("; ".join(["", *rest]) + "." if rest else "."))
    if doubt := search.doubt(fit):
        words.append(Segment(doubt))
    return words


def too_fast(options: MapOptions) -> bool:
    """Whether the learning rate is out of all proportion; EM has none."""
    return METHODS[options.method].learning_rate and options.learning_rate > FAST


def collapse_reason(
    dataset: Dataset, mixture: Mixture, fit: MapFit, options: MapOptions | None = None
) -> str:
    """Say why starts of this fit have collapsed, in two sentences.

    Column names stand in the sentences as they are: show them as text, not as markup.

    Parameters
    ----------
    fit : with collapsed starts; the chosen one is looked at first.
    options : how it was fitted; a step or a start out of all proportion is named first, since
        nothing else cures what it did.
    """
    if options is not None and too_fast(options):
        return (
            f"at a learning rate of {options.learning_rate:g} each step of Adam moves the "
            "logarithm of a scale by about as much, so a component is thrown off its points. A "
            "learning rate of 0.1 cures it."
        )
    if options is not None and not 1 / FAR <= options.start_scale <= FAR:
        return (
            f"the starting scale is {options.start_scale:g} times the usual one, so the components "
            "begin alike, or each on a few points. The usual starting scale cures it."
        )
    if (heap := heap_of_fit(dataset, fit)) and mixture.priors.freedom is None:
        value, name = number(heap.value, 6), dataset.columns[heap.column]
        return (
            f'a component shrank onto {count(heap.points, "point")} whose "{name}" is {value}: the '
            "narrower it is, the denser they lie in it, and only they. Conjugate priors, under "
            "which no component shrinks onto equal values, cure it."
        )
    c = mixture.priors.concentration
    if c is not None and c < 1:
        return (
            "a component lost its points, and with a Dirichlet concentration of "
            f"{c:g} < 1 an empty component has infinite density, so the loss falls "
            "without end. A concentration of 1 or more, or fewer components, cures it."
        )
    if c is None:
        return (
            "without priors a component that sits on a few points can shrink without end and "
            "its density grows past all bounds. A prior on the scale, or fewer components, "
            "cures it."
        )
    return (
        "a component has no points of its own, so the data supports fewer of them. "
        "Lower K, or change where starts begin (More)."
    )


def verdict_meaning(verdict: str) -> str:
    """Explain a restart's verdict in a few words."""
    return {
        "converged": "the gradient has vanished: this is an optimum",
        "moving": "still moving when the steps ran out",
        "collapsed": "a component lost all its points, or shrank onto a few of them",
        "failed": "the loss stopped being a number",
        "untrained": "only its starting loss was computed",
    }[verdict]


def two_methods(name: str, fit: MapFit, adam: MapFit) -> str:
    """Say where a method and Adam came from one start, the chosen one of both fits."""
    (e, m), (a, n) = (
        (loss[np.isfinite(loss)][-1], int(f.steps_made[f.chosen]))
        for f, loss in ((f, f.loss[f.chosen]) for f in (fit, adam))
    )
    return (
        f"{name} came to {number(e, 6)} in {count(m, 'step')}, Adam to {number(a, 6)} in "
        f"{count(n, 'step')}."
    )


def agreement(fit: MapFit, reference: MapFit) -> str:
    """Say how closely two engines' losses from the chosen start agree, step by step."""
    _, ours, theirs = np.intersect1d(fit.steps, reference.steps, return_indices=True)
    a, b = fit.loss[fit.chosen, ours], reference.loss[reference.chosen, theirs]
    both = np.isfinite(a) & np.isfinite(b)
    if not both.any():
        return "Pyro's run has no loss to compare."
    gap = float(np.max(np.abs(a[both] - b[both]) / np.maximum(1.0, np.abs(b[both]))))
    if gap < 1e-15:
        return f"Pyro's loss is the same to the last digit over {count(int(both.sum()), 'step')}."
    return (
        f"Over {count(int(both.sum()), 'step')} Pyro's loss and this one differ by at most "
        f"{number(gap, 2)}, relatively."
    )
