"""What a run found, in one plain sentence computed from it.

A sentence is a list of segments, so that a page can set what speaks of a component in that
component's colour. Components are numbered by weight, largest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import (
    in_table,
    likelihood_shift,
    parameter_columns,
    table_columns,
)
from gmm_core.formatting import count, number, numeral, percent, rounded
from gmm_core.mixture import (
    Mixture,
    Parameters,
    log_joint_terms,
    log_prior_terms,
    responsibilities,
)
from gmm_core.mixture.in_table import medians_in_table, parameters_in_table
from gmm_core.mixture.landscape import Coordinate, Slice
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
        steps = int((fit.loss[fit.chosen] == fit.loss[fit.chosen]).sum())
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


def two_methods(name: str, ours: Array, adam: Array) -> str:
    """Say where a method and Adam came from one start, by their losses [T] along the way."""
    (e, m), (a, n) = ((c[np.isfinite(c)][-1], np.isfinite(c).sum()) for c in (ours, adam))
    return (
        f"{name} came to {number(e, 6)} in {count(int(m), 'step')}, Adam to {number(a, 6)} in "
        f"{count(int(n), 'step')}."
    )


def agreement(ours: Array, reference: Array) -> str:
    """Say how closely the losses of two engines [T] agree, step by step."""
    steps = min(len(ours), len(reference))
    a, b = ours[:steps], reference[:steps]
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


def points_each(dataset: Dataset, parameters: Parameters) -> list[float]:
    """Count the points of each component [K]: the sum of its responsibilities."""
    if dataset.whole is not None:
        # Of all rows, where an optimum is: there the sum is the component's share.
        return (dataset.whole.total * parameters.every_weight).tolist()
    r = responsibilities(parameters, dataset.values)
    return (r.sum(axis=0) if dataset.weights is None else dataset.weights @ r).tolist()


def component_table(
    dataset: Dataset, parameters: Parameters
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the components: weight, where each is, how wide, and its points.

    In the units of the table, as `mixture.in_table` has them; names say what is of a logarithm, and
    the medians of such columns stand in the table's units.
    """
    point = parameters_in_table(dataset, parameters)
    K, medians = len(point.weights), medians_in_table(dataset, point.locs)
    head = ["component", "weight"]
    head += [f"{what} {name}" for name in parameter_columns(dataset) for what in ("loc", "sd")]
    head += [*(f"median {name}" for name in medians), "points"]
    places = np.stack([point.locs, point.scales], axis=2).reshape(K, -1)
    middles = np.reshape(list(medians.values()), (-1, K)).T
    points = points_each(dataset, parameters)
    numbers = np.column_stack([point.weights, places, middles, points[:K]])
    rows = [(str(k + 1), *(f"{v:.6g}" for v in row)) for k, row in enumerate(numbers.tolist())]
    if point.noise is not None:
        empty = [""] * (len(head) - 3)
        rows.append(("noise", f"{float(point.noise):.6g}", *empty, f"{points[K]:.6g}"))
    return tuple(head), rows


def objective_rows(
    dataset: Dataset, mixture: Mixture, parameters: Parameters, loss: float | None = None
) -> list[tuple[str, str]]:
    """Split the log joint at a point into rows (term, value) for reading, the sum last.

    Of transformed columns the log likelihood of the table follows, by which runs compare.

    Parameters
    ----------
    loss : what it is where the data is not here, so that the likelihood is the rest of it.
    """
    names = {
        "likelihood": "log likelihood",
        "weights": "prior of the weights",
        "locs": "prior of the locs",
        "scale": "prior of the scale",
        "correlation": "prior of the correlations",
        "shape": "prior of the shape",
        "covariances": "prior of the covariances",
    }
    if loss is None:
        terms = log_joint_terms(dataset, mixture, parameters)
    else:
        priors = {n: float(v) for n, v in log_prior_terms(mixture, parameters).items()}
        terms = {"likelihood": -loss - sum(priors.values()), **priors}
    rows = [(names[name], number(value, 5)) for name, value in terms.items()]
    total = sum(terms.values())
    rows += [("log joint", number(total, 6)), ("loss = −log joint", number(-total, 6))]
    if shift := likelihood_shift(dataset):
        rows.append(("log likelihood of the table", number(terms["likelihood"] + shift, 6)))
    return rows


def start_name(fit: MapFit, r: int) -> str:
    """Name restart `r` in a list: "3: optimum 2, loss 19.3", "17: collapsed"."""
    verdict, basin = str(fit.verdict[r]), int(fit.basin[r])
    if verdict == "untrained":
        return f"{r}: begins at {number(float(fit.loss[r, 0]), 4)}, not trained"
    if basin < 0:
        return f"{r}: {verdict}"
    return f"{r}: {optimum(basin)}, loss {number(float(fit.final_loss[r]), 4)}"


def local_optimum(fit: MapFit, r: int) -> str:
    """Explain why restart `r` stays where it is, though another optimum is better."""
    gap = float(fit.final_loss[r] - fit.final_loss[fit.basin == 0].min())
    n_same = int((fit.basin == fit.basin[r]).sum())
    return (
        f"It is a local optimum: the gradient vanishes as it does in the best one, but the loss is "
        f"{number(gap)} higher. From here every way leads up at first, and a fit only goes down, "
        f"so where it begins decides where it ends. {n_same:,} of {count(len(fit.loss), 'start')} "
        "ended here: more starts, or starts from far-apart points, find the best."
    )


def opened_answer(dataset: Dataset, mixture: Mixture, fit: MapFit) -> list[Segment]:
    """Say what the opened restart, `fit.chosen`, found; the best one is told by `fit_answer`."""
    r, verdict = fit.chosen, str(fit.verdict[fit.chosen])
    if verdict == "untrained":
        return [Segment(f"Start {r} was not trained: this is where it begins.")]
    if verdict == "failed":
        return [
            Segment(
                f"Start {r} failed: its loss stopped being a number. The learning rate is too "
                "high for it."
            )
        ]
    loss = number(float(fit.final_loss[r]), 4)
    if verdict == "collapsed":
        reason = collapse_reason(dataset, mixture, fit)
        return [Segment(f"Start {r} collapsed at a loss of {loss}: {reason}")]
    basin = int(fit.basin[r])
    unsettled = verdict == "moving" and fit.count("converged") > 0
    if basin >= 0:
        where = f"which ended in {_the(basin)}"
    else:
        where = "which came to no optimum" if unsettled else "which was trained by itself"
    words = [Segment(f"Start {r}, {where} (loss {loss}): "), *point_answer(dataset, fit.parameters)]
    if basin >= 0:
        agree = int((fit.basin == basin).sum())
        words.append(Segment(f"{agree:,} of {count(len(fit.loss), 'start')} ended there."))
    if verdict == "moving":
        words.append(Segment(" It was still moving when its steps ran out."))
    return words


def _the(basin: int) -> str:
    return f"the {optimum(basin)}" if basin == 0 else optimum(basin)


def coordinate_name(c: Coordinate, columns: Sequence[str]) -> str:
    """Name a number of a point: "loc 1", "scale", "loc 2 of waiting", "weight 1".

    Components count from 1; a column is named where there are several, and a correlation's two
    columns where there are more than two.
    """
    name = {"locs": "loc", "scale": "scale", "weights": "weight", "correlation": "correlation"}
    which = "" if c.component is None else f" {c.component + 1}"
    if c.other is not None and c.column is not None:
        if len(columns) == 2:
            return f"{name[c.site]}{which}"
        pair = f"{columns[c.other]:.20}, {columns[c.column]:.20}"
        return f"partial {name[c.site]}{which} of {pair}"
    of = "" if c.column is None or len(columns) == 1 else f" of {columns[c.column]:.20}"
    return f"{name[c.site]}{which}{of}"


def slice_caption(cut: Slice, n_points: int) -> str:
    """Say how to read a slice: what is held, what is projected, and of which data."""
    if not cut.finite:
        return (
            "There is no slice to draw here: where this fit ended the loss is infinite, and stays "
            "so whatever these two numbers are."
        )
    sentence = (
        "Everything else is held where the fit ended. The path is a projection: on its way the "
        "fit had other values of the rest, so it crosses this slice at its end only."
    )
    if cut.n_used < n_points:
        sentence += (
            f" Computed from a sample of {cut.n_used:,} of {count(n_points, 'point')}, scaled up."
        )
    return sentence


def optimum(b: int) -> str:
    """Name an optimum by its number among the basins: 0 is the best."""
    return "best optimum" if b == 0 else f"optimum {b + 1}"
