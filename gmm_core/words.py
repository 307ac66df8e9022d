"""What a run found, in one plain sentence computed from it.

A sentence is a list of segments, so that a page can set what speaks of a component in that
component's colour. Components are numbered by weight, largest first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.figures.style import number, percent, rounded
from gmm_core.mixture import Mixture, Parameters, log_joint_terms, responsibilities
from gmm_core.results import MapFit

Array = NDArray[np.float64]

_NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Segment:
    """A piece of a sentence; `component` (0 is the largest) when it speaks of one."""

    text: str
    component: int | None = None


def numeral(n: int) -> str:
    """Spell a count up to ten: 2 -> "two", 12 -> "12"."""
    return _NUMERALS[n] if 0 <= n < len(_NUMERALS) else f"{n:,}"


def count(n: int, noun: str) -> str:
    """Count things: (1, "point") -> "1 point", (5, "point") -> "5 points"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def place(loc: Iterable[float], scale: Iterable[float]) -> str:
    """Name a location, as fine as a hundredth of the scale: a number, or a bracket of several."""
    numbers = [rounded(float(v), float(s)) for v, s in zip(loc, scale, strict=True)]
    if len(numbers) == 1:
        return numbers[0]
    return f"({', '.join(numbers[:3])}{', …' if len(numbers) > 3 else ''})"


def point_answer(dataset: Dataset, parameters: Parameters) -> list[Segment]:
    """Say where the components are and how much of the data each explains."""
    parameters = parameters.permuted(parameters.order)
    N, K = len(dataset.values), len(parameters.weights)
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
        words.append(Segment(f"{share} near {place(parameters.locs[k], parameters.scales[k])}", k))
    if shown < K:
        words.append(Segment(f" and {numeral(K - shown)} smaller"))
    scales = parameters.scales
    if scales.shape[1] == 1:
        same = bool((abs(scales - scales[0]) < 1e-9 * scales[0]).all())
        if same and K > 1:
            words.append(Segment(f", each with standard deviation {number(scales[0, 0])}"))
        elif shown >= K:
            each = [number(float(s)) for s in scales[:, 0]]
            listed = each[0] if K == 1 else f"{', '.join(each[:-1])} and {each[-1]}"
            words.append(Segment(f", with standard deviation{'' if K == 1 else 's'} {listed}"))
    return [*words, Segment(". ")]


def fit_answer(dataset: Dataset, mixture: Mixture, fit: MapFit) -> list[Segment]:
    """Say what the chosen restart found and what became of the others."""
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
        return [Segment(f"{start} collapsed: {collapse_reason(mixture)}")]
    words = point_answer(dataset, fit.parameters)
    if fit.count("untrained"):
        if verdict == "moving":
            words.append(Segment("It is still moving: take more steps, or polish. "))
        words.append(
            Segment(
                f"It began at the best of {count(R, 'start')}, by the loss before any step."
                if R > 1
                else "It had a single start."
            )
        )
        return words
    agree = int((fit.basin == fit.basin[fit.chosen]).sum())
    collapsed, failed = fit.count("collapsed"), fit.count("failed")
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
    return words


def collapse_reason(mixture: Mixture) -> str:
    """Say why a fit of this mixture collapses, in two sentences."""
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
        "Lower K, or begin elsewhere."
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
        f"{number(gap, 2)} of their size."
    )


def points_each(dataset: Dataset, parameters: Parameters) -> list[float]:
    """Count the points of each component [K]: the sum of its responsibilities."""
    return responsibilities(parameters, dataset.values).sum(axis=0).tolist()


def objective_rows(
    dataset: Dataset, mixture: Mixture, parameters: Parameters
) -> list[tuple[str, str]]:
    """Split the log joint at a point into rows (term, value) for reading, the sum last."""
    names = {
        "likelihood": "log likelihood",
        "weights": "prior of the weights",
        "locs": "prior of the locs",
        "scale": "prior of the scale",
        "correlation": "prior of the correlations",
    }
    terms = log_joint_terms(dataset, mixture, parameters)
    rows = [(names[name], number(value, 5)) for name, value in terms.items()]
    total = sum(terms.values())
    return [*rows, ("log joint", number(total, 6)), ("loss = −log joint", number(-total, 6))]
