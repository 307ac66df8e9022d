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
from gmm_core.runs.methods import METHODS
from gmm_core.runs.options import MapOptions
from gmm_core.runs.results import MapFit
from gmm_core.words import collapse, search
from gmm_core.words.segments import NOISE, Segment

Array = NDArray[np.float64]


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
        why = collapse.cause(dataset, mixture, fit, options)
        return [Segment(f"{start} collapsed: {why.reason}")]
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
    collapsed, failed = fit.count("collapsed"), fit.count("failed")
    agree = int((fit.basin == fit.basin[fit.chosen]).sum())
    ended, elsewhere = agree, "ended elsewhere"
    if scattered := search.scattered(fit, mixture):
        ended, elsewhere = int((fit.basin >= 0).sum()), "did not settle"
        words.append(Segment(scattered))
    elif agree == 1 < R:
        words.append(Segment(f"Only one of {R:,} starts ended here: more may find a better one"))
    else:
        words.append(Segment(f"{agree:,} of {count(R, 'start')} agree"))
    aside = f"and {'is' if collapsed == 1 else 'are'} set aside"
    if collapsed > collapse.MANY * R:
        why = collapse.cause(dataset, mixture, fit, options)
        aside = f"{why.how} {aside}: {why.what_cures}"
    rest = [
        f"{n:,} {what}"
        for n, what in (
            (R - ended - collapsed - failed, elsewhere),
            (failed, "failed"),
            (collapsed, f"collapsed {aside}"),
        )
        if n
    ]
    words.append(Segment("; ".join(["", *rest]) + "." if rest else "."))
    if doubt := search.doubt(fit):
        words.append(Segment(doubt))
    return words


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
