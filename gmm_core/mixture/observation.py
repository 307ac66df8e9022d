"""How a mixture looks at a dataset: weights, known components, noise, and what is missing.

Everything that evaluates the likelihood of a dataset asks `observed` for these four; where none is
there, `plain` says so, and the likelihood is the sum of log densities that it always was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture.model import Mixture

Array = NDArray[np.float64]


EVERYTHING = ("weights", "missing values", "known classes", "noise")
"""What there may be to mind besides complete values, in the words of a refusal."""


_WITHOUT = {
    "weights": "Repeat the rows instead of weighing them.",
    "missing values": "Drop the rows with missing values.",
    "known classes": 'Use labels="ignore".',
    "noise": "Use noise=False.",
}


@dataclass(frozen=True, eq=False)
class Observation:
    """What the likelihood knows of a dataset besides its values.

    Attributes
    ----------
    weights : [N] or None; the log density of each point is multiplied by its weight.
    component : [N] or None; the component that a point is known to come from, -1 where unknown.
    box : [D] or None; the widths of the box in which noise is uniform, in the data's units.
    incomplete : whether values are missing, as NaN.
    """

    weights: Array | None
    component: NDArray[np.int64] | None
    box: Array | None
    incomplete: bool

    @property
    def named(self) -> tuple[str, ...]:
        """What is to be minded, of `EVERYTHING`."""
        names = (
            self.weights is not None,
            self.incomplete,
            self.component is not None,
            self.box is not None,
        )
        return tuple(name for name, is_there in zip(EVERYTHING, names, strict=True) if is_there)

    @property
    def plain(self) -> bool:
        """Whether nothing is to be minded."""
        return not self.named


def refuse(dataset: Dataset, mixture: Mixture, takes: Sequence[str], who: str) -> None:
    """Raise ValueError when there is more to mind than `who` takes, of `EVERYTHING`."""
    beyond = [name for name in observed(dataset, mixture).named if name not in takes]
    if beyond:
        raise ValueError(
            f"{who} does not take {' or '.join(beyond)}, but the data or the mixture has some. "
            f"{' '.join(_WITHOUT[name] for name in beyond)}"
        )


def observed(dataset: Dataset, mixture: Mixture) -> Observation:
    """Say how a mixture looks at a dataset."""
    component = None
    if mixture.classes_fixed and dataset.classes is not None:
        place = {name: k for k, name in enumerate(dataset.class_names)}
        component = np.array([-1 if c is None else place[c] for c in dataset.classes])
    box = None
    if mixture.noise and mixture.noise_box is not None:
        box = np.array(mixture.noise_box)
    elif mixture.noise:
        box = box_of(dataset.values, dataset.weights)
    return Observation(dataset.weights, component, box, dataset.incomplete)


def box_of(values: ArrayLike, weights: Array | None = None) -> Array:
    """Widths [D] of the box in which noise is uniform.

    Its volume is the smaller of the data's own box and that of its principal scores, as mclust's
    `hypvol` (Fraley and Raftery 1998, section 3.2.2; Scrucca et al. 2016); its sides are in
    proportion to the data's, so that the density of some of the columns is one over their product.
    Points of weight zero are not there.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x.reshape(-1, 1) if x.ndim < 2 else x
    w = np.ones(len(x)) if weights is None else weights
    x, w = x[w > 0], w[w > 0]
    widths: Array = np.nanmax(x, axis=0) - np.nanmin(x, axis=0)
    whole = ~np.isnan(x).any(axis=1)
    D = x.shape[1]
    x, w = x[whole], w[whole]
    # Points that repeat one another span no more than one of them does.
    if D == 1 or len(np.unique(x, axis=0)) <= D:
        return widths
    centred = x - np.average(x, axis=0, weights=w)
    axes = np.linalg.eigh(np.cov(centred.T, aweights=w, ddof=0))[1]
    return shrunk(widths, np.ptp(centred @ axes, axis=0))


def shrunk(widths: Array, principal: Array) -> Array:
    """Return widths [D] of the data's own box, or smaller ones of the principal one's volume."""
    shrink = np.log(principal).sum() - np.log(widths).sum()
    return widths * np.exp(min(shrink, 0.0) / len(widths))


def patterns(missing: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """Go through the patterns of missing values [N, D].

    Yields which columns are there [D], and the rows of that pattern.
    """
    kinds, which = np.unique(~missing, axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    ends = np.cumsum(np.bincount(which.ravel(), minlength=len(kinds)))
    yield from zip(kinds, np.split(order, ends[:-1]), strict=True)
