"""What an entry of the registry of covariance families is: the questions that it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.m_steps import M_STEPS

Array = NDArray[np.float64]
Values = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """One of the model's random variables of covariances.

    name : also its role, by which its prior and its coordinates are found: "scale" (log-normal),
        "correlation" (LKJ), "shape" (normal contrasts), "direction" (uniform rotations).
    shape : of its value, K in front where it is `own`.
    free : shape of its unconstrained coordinates.
    own : whether each component has one of its own.
    """

    name: str
    shape: tuple[int, ...]
    free: tuple[int, ...]
    own: bool


@dataclass(frozen=True)
class Family(ABC):
    """One family of covariances.

    code : three letters, for size, shape and direction, each equal in all components (E), varying
        (V) or none (I), such as "VVI".
    covariance, tied : how a `Mixture` names it.
    label : on a page, such as "diagonal, shared".
    words : what components share, in plain words.
    sklearn : the `covariance_type` of scikit-learn's mixture; None where it has none.
    """

    code: str
    covariance: str
    tied: bool | None
    label: str
    words: str
    sklearn: str | None = None

    def n_parameters(self, K: int, D: int) -> int:
        """Count the free numbers of all covariances together (Celeux and Govaert 1995, table 1)."""
        sizes = (1, D - 1, D * (D - 1) // 2)
        times = {"E": 1, "V": K, "I": 0}
        return sum(times[letter] * size for letter, size in zip(self.code, sizes, strict=True))

    def within(self, other: Family) -> bool:
        """Whether every mixture of this family is one of the other: it shares at least as much."""
        rank = {"I": 0, "E": 1, "V": 2}
        return all(rank[a] <= rank[b] for a, b in zip(self.code, other.code, strict=True))

    def diagonal(self, D: int) -> bool:
        """Whether all covariances of D columns are diagonal, so that scales are all there is."""
        return D == 1 or self.code[2] == "I"

    def own(self, D: int) -> bool:
        """Whether each component has a covariance of its own, in whatever part D columns have."""
        return "V" in (self.code if D > 1 else self.code[0])

    def reduced(self, K: int, D: int) -> str:
        """Return the code of the family that is the same for K components in D columns.

        One component shares all it has, and in one column there is a size only.
        """
        code = self.code if D > 1 else f"{self.code[0]}II"
        return code if K > 1 else code.replace("V", "E")

    @property
    def balls(self) -> bool:
        """Whether every covariance is a ball, one variance along all columns."""
        return self.code[1] == "I"

    @property
    def plain(self) -> bool:
        """Whether components share all of a covariance or nothing: then its M-step is a sum."""
        return len(set(self.code) - {"I"}) == 1

    @property
    def per_column(self) -> bool:
        """Whether the scale site has a scale for each column, not one for all."""
        return False

    @property
    def one_unit(self) -> bool:
        """Whether the family holds in one unit for all columns only."""
        return True

    @abstractmethod
    def sites(self, K: int, D: int) -> tuple[Site, ...]:
        """List the sites of covariances, in the order of their coordinates."""

    @abstractmethod
    def spread(self, xp: Any, values: Values, D: int) -> Any:
        """Put sites together, by NumPy or torch; any axes may lead.

        Returns
        -------
        Scales [..., (K,) D or 1] where the family is `diagonal`, else Cholesky factors
        [..., (K,) D, D]; with K where covariances are `own`.
        """

    @abstractmethod
    def split(self, scale_tril: Array) -> dict[str, Array]:
        """Split Cholesky factors [..., K, D, D] into the values of the sites.

        Raises
        ------
        ValueError
            When the covariances are not of this family.
        """

    @abstractmethod
    def start(self, variance: Array, K: int, correlation: Array | None = None) -> dict[str, Array]:
        """Return the values of the sites to begin a search at.

        Parameters
        ----------
        variance : [D], of the columns.
        correlation : [D, D], the data's; families with axes of their own begin along its axes.
        """

    def factor(self, xp: Any, values: Values, K: int, D: int) -> Any:
        """Put sites together to Cholesky factors [..., K, D, D], by NumPy or torch."""
        spread = self.spread(xp, values, D)
        if not self.diagonal(D):
            if self.own(D):
                return spread
            one = spread[..., None, :, :]
            return xp.broadcast_to(one, (*one.shape[:-3], K, D, D))
        if not self.own(D):
            spread = spread[..., None, :]
        spread = xp.broadcast_to(spread, (*spread.shape[:-2], K, D))
        return spread[..., None] * xp.eye(D)

    def m_step(self, scatter: Array, counts: Array, before: Array | None = None) -> Array:
        """Return the covariances of greatest likelihood [..., K, D, D].

        Parameters
        ----------
        scatter : [..., K, D, D], sums over points of responsibility times the outer product of the
            distance from the component's loc.
        counts : [..., K], sums of responsibilities.
        before : [..., K, D, D], where a family without a closed form goes on from.
        """
        # What is not finite is for the caller to see, in the result.
        with np.errstate(all="ignore"):
            return M_STEPS[self.code](scatter, counts, before)
