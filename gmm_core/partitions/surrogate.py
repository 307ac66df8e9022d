"""A sample that stands in for all rows between two passes over them.

At a point where all rows have been passed over, their moments and the sample's differ. With that
difference held, EM on the sample climbs to about where EM on all rows leads: it has the rows' own
moments there, hence their gradient, and the sample's curvature, which is nearly theirs. So some
passes do where EM takes dozens, and where it ends all rows are at an optimum, whatever the sample.

Notes
-----
Shamir, Srebro and Zhang (2014), International Conference on Machine Learning 31, in the mean
parameters of EM's complete data (Dempster, Laird and Rubin 1977, section 3). A difference of
moments is a linear term in the natural parameters, so that EM goes up on the sum of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.pieces import Content
from gmm_core.mixture import Mixture, Parameters
from gmm_core.partitions.ascent import SETTLED, Ascent
from gmm_core.partitions.partition import Moments, Partition, moments

Array = NDArray[np.float64]

_STEPS = 300  # of EM on the sample: on a ridge that is what a leap gains by
_NEAR = 1e-4  # a step of EM where an optimum of the sample is near enough: a start for all rows
_SHARE = 0.01  # of EM's step on all rows: the sample is as far from theirs as that


class Surrogate:
    """A sample of all rows, which says where they lead.

    Parameters
    ----------
    sample : weighted rows, some of all or all of them, with the known classes in their order.
    total : what all rows count as.
    """

    def __init__(self, mixture: Mixture, sample: Dataset, total: float) -> None:
        self._mixture, self._total = mixture, total
        self._fixed = mixture.classes_fixed
        names = sample.class_names
        classes = None
        if sample.classes is not None:
            place = {name: k for k, name in enumerate(names)}
            classes = np.array([-1 if c is None else place[c] for c in sample.classes])
        content = Content(
            sample.values, np.arange(len(sample.values)), sample.weights, classes, names
        )
        self._rows = Partition.of(content)
        self._scale = total / sample.total

    def __call__(self, at: Parameters, moments: Moments, moved: float) -> Parameters | None:
        """Return where all rows lead from one point; None where a component is lost on the way.

        Parameters
        ----------
        moments : those of all rows there, with an axis [1] in front.
        moved : how far EM's step on all rows goes, free of units.
        """
        point = at.reshape(1)
        about = point.locs
        more = _Sums.of(moments, about) - _Sums.of(self._moments(point), about)
        settled = max(SETTLED, _SHARE * moved)
        ascent = Ascent(self._mixture, point, self._total, _STEPS, settled=settled)
        while not ascent.over:
            points = ascent.points
            own = self._moments(points)
            every = _Sums.of(own, about) + more
            ascent.advance(every.moments(own.value + more.along(points)))
        return None if ascent.verdict[0] == "collapsed" else ascent.ends[0]

    def best(self, starts: Parameters) -> Parameters:
        """Return where EM on the sample alone leads from R points, the best of these ends."""
        ascent = Ascent(self._mixture, starts, self._total, _STEPS, settled=_NEAR)
        while not ascent.over:
            ascent.advance(self._moments(ascent.points))
        collapsed = ascent.verdict == "collapsed"
        return ascent.ends[int(np.argmin(np.where(collapsed, np.inf, ascent.final_loss)))]

    def _moments(self, points: Parameters) -> Moments:
        """Pass over the sample, whose rows count as all do."""
        own, scale = moments(self._rows, points, self._fixed), self._scale
        return Moments(scale * own.value, scale * own.counts, own.means, scale * own.scatter)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Moments of the rows of each component that can be added and subtracted.

    counts [R, W], and sums of the distances from `about` [R, K, D] and of their products.
    """

    about: Array
    counts: Array
    first: Array
    second: Array

    @classmethod
    def of(cls, moments: Moments, about: Array) -> _Sums:
        K = about.shape[-2]
        n, step = moments.counts[..., :K, None], moments.means - about
        products = n[..., None] * step[..., :, None] * step[..., None, :]
        return cls(about, moments.counts, n * step, moments.scatter + products)

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.about,
            self.counts + other.counts,
            self.first + other.first,
            self.second + other.second,
        )

    def __sub__(self, other: _Sums) -> _Sums:
        return self + _Sums(other.about, -other.counts, -other.first, -other.second)

    def moments(self, value: Array) -> Moments:
        """Return them about their own means."""
        n = self.counts[..., : self.about.shape[-2], None]
        with np.errstate(all="ignore"):  # of a component that is lost, as it will be found
            step = self.first / n
            products = n[..., None] * step[..., :, None] * step[..., None, :]
            return Moments(value, self.counts, self.about + step, self.second - products)

    def along(self, points: Parameters) -> Array:
        """Sum up what the log joint of the rows and their components has of these sums [R]."""
        K, D = self.about.shape[-2:]
        n, step = self.counts[..., :K], points.locs - self.about
        crossed = self.first[..., :, None] * step[..., None, :]
        products = n[..., None, None] * step[..., :, None] * step[..., None, :]
        second = self.second - crossed - np.swapaxes(crossed, -1, -2) + products
        factors = points.scale_tril
        inverse = np.linalg.inv(factors)
        distances = np.einsum("...ij,...jk,...ik->...", inverse, second, inverse)
        widths = np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1)
        log_densities = n * (-0.5 * D * log(2 * pi) - widths) - 0.5 * distances
        weights: Array = (self.counts * np.log(points.every_weight)).sum(axis=-1)
        return weights + log_densities.sum(axis=-1)
