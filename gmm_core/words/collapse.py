"""Why starts of a fit have collapsed, and what cures it."""

from __future__ import annotations

from typing import NamedTuple

from gmm_core.data.dataset import Dataset
from gmm_core.formatting import MINUS, count, listing
from gmm_core.mixture import Mixture
from gmm_core.runs.heaped import Handful, Heap, shrunk_onto
from gmm_core.runs.methods import METHODS
from gmm_core.runs.options import MapOptions
from gmm_core.runs.results import MapFit

FAST = 0.5
"""Learning rate beyond which one step multiplies a scale by more than 1.6."""

FAR = 5.0
"""Factor on the usual starting scale beyond which the start itself is a cause."""

MANY = 0.1
"""Share of collapsed starts from which on the cause is told at once."""


class Cause(NamedTuple):
    """Why starts have collapsed.

    reason : in two sentences, with the cure.
    how : the same in a few words, behind "collapsed".
    what_cures : and what cures it.
    cure : "rate", "scale", "conjugate", "concentration" or "fewer": what is to be set otherwise.
    """

    reason: str
    how: str
    what_cures: str
    cure: str


def too_fast(options: MapOptions) -> bool:
    """Whether the learning rate is out of all proportion; EM has none."""
    return METHODS[options.method].learning_rate and options.learning_rate > FAST


def cause(
    dataset: Dataset, mixture: Mixture, fit: MapFit, options: MapOptions | None = None
) -> Cause:
    """Say why starts of this fit have collapsed.

    Column names stand in the sentences as they are: show them as text, not as markup.

    Parameters
    ----------
    fit : with collapsed starts; the chosen one is looked at first.
    options : how it was fitted; a step or a start out of all proportion is named first, since
        nothing else cures what it did.
    """
    if options is not None and too_fast(options):
        return Cause(
            f"at a learning rate of {options.learning_rate:g} each step of Adam moves the "
            "logarithm of a scale by about as much, so a component is thrown off its points. A "
            "learning rate of 0.1 cures it.",
            f"(a learning rate of {options.learning_rate:g} is too high)",
            "0.1 cures it",
            "rate",
        )
    if options is not None and not 1 / FAR <= options.start_scale <= FAR:
        return Cause(
            f"the starting scale is {options.start_scale:g} times the usual one, so the components "
            "begin alike, or each on a few points. The usual starting scale cures it.",
            f"(the starting scale is {options.start_scale:g} times the usual one)",
            "the usual one cures it",
            "scale",
        )
    if mixture.priors.freedom is None:
        match shrunk_onto(dataset, fit):
            case Heap() as heap:
                return _on_a_heap(dataset, heap)
            case Handful(points) if mixture.family.own(len(dataset.columns)):
                return _on_a_few(points, len(dataset.columns))
    return _on_nothing(mixture)


def _on_a_heap(dataset: Dataset, heap: Heap) -> Cause:
    name, value = listing([dataset.columns[heap.column]]), f"{heap.value:,.6g}".replace("-", MINUS)
    which = f"{count(heap.points, 'point')} whose {name} is {value}"
    return Cause(
        f"a component shrank onto {which}: the narrower it is, the denser they lie in it, and only "
        "they. Conjugate priors, under which no component shrinks onto equal values, cure it.",
        f"onto equal values ({which})",
        "conjugate priors cure it",
        "conjugate",
    )


def _on_a_few(points: int, D: int) -> Cause:
    return Cause(
        f"a component shrank onto {count(points, 'point')}, too few for its covariance in "
        f"{count(D, 'column')}: the thinner it is, the denser they lie in it, without end. "
        "Conjugate priors, under which no component shrinks onto a few points, cure it.",
        f"onto a few points ({points} in one)",
        "conjugate priors cure it",
        "conjugate",
    )


def _on_nothing(mixture: Mixture) -> Cause:
    c = mixture.priors.concentration
    if c is not None and c < 1:
        return Cause(
            "a component lost its points, and with a Dirichlet concentration of "
            f"{c:g} < 1 an empty component has infinite density, so the loss falls "
            "without end. A concentration of 1 or more, or fewer components, cures it.",
            "(a component lost its points)",
            "a concentration of 1 cures it",
            "concentration",
        )
    if c is None:
        return Cause(
            "without priors a component that sits on a few points can shrink without end and "
            "its density grows past all bounds. A prior on the scale, or fewer components, "
            "cures it.",
            "(without priors a component can shrink without end)",
            "a prior on the scale cures it",
            "concentration",
        )
    return Cause(
        "a component has no points of its own, so the data supports fewer of them. "
        "Lower K, or change where starts begin (More).",
        "(a component has no points of its own)",
        "a lower K helps",
        "fewer",
    )
