"""The families of covariances: which of size, shape and direction the components share.

A covariance is lambda Q A Q': its size lambda, its shape A (diagonal, of determinant one) and
its direction Q (a rotation). Each is equal in all components (E), varies (V), or, of shape and
direction, is none (I); the three letters are mclust's code of the family (Celeux and Govaert 1995;
Scrucca et al. 2016, table 3). Whoever needs to know what a family is asks its entry here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture.family import Family, Site, Values
from gmm_core.mixture.size_shape_direction import SizeShapeDirection

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ScalesAndCorrelations(Family):
    """A family in terms of standard deviations and correlations: all shared, or none.

    Sites: scale, and where D > 1 and covariances are full the Cholesky factor of correlations.
    """

    @property
    def per_column(self) -> bool:
        """Whether each column has a scale."""
        return self.covariance != "spherical"

    @property
    def one_unit(self) -> bool:
        """Whether all columns have to keep one unit."""
        return self.covariance == "spherical"

    def sites(self, K: int, D: int) -> tuple[Site, ...]:
        """List scale and correlation."""
        own = not self.tied
        lead = (K,) if own else ()
        scale = (*lead, D) if self.per_column else lead
        sites: tuple[Site, ...] = (Site("scale", scale, scale, own),)
        if not self.diagonal(D):
            free = (*lead, D * (D - 1) // 2)
            sites += (Site("correlation", (*lead, D, D), free, own),)
        return sites

    def spread(self, xp: Any, values: Values, D: int) -> Any:
        """Multiply scales with the factor of correlations, where there are any."""
        scale = values["scale"] if self.per_column else values["scale"][..., None]
        return scale if self.diagonal(D) else scale[..., None] * values["correlation"]

    def split(self, scale_tril: Array) -> dict[str, Array]:
        """Divide factors by their scales."""
        D = scale_tril.shape[-1]
        scales = np.sqrt(np.einsum("...ij,...ij->...i", scale_tril, scale_tril))
        correlation = scale_tril / scales[..., None]
        if self.tied and not _same(scale_tril, -3):
            raise ValueError(
                "The mixture is tied, one covariance for all components, but the parameters have "
                "different ones. Use tied=False."
            )
        if self.diagonal(D) and np.any(np.tril(correlation, -1)):
            raise ValueError(
                f"The mixture's covariance is {self.covariance}, but the parameters have "
                'correlations. Use covariance="full".'
            )
        if not self.per_column:
            if not _same(scales, -1):
                raise ValueError(
                    "The mixture is spherical, one scale for all columns, but the parameters have "
                    'different ones. Use covariance="diag".'
                )
            scales = scales[..., 0]
        components = -2 if self.per_column else -1
        values = {"scale": np.take(scales, 0, axis=components) if self.tied else scales}
        if not self.diagonal(D):
            values["correlation"] = correlation[..., 0, :, :] if self.tied else correlation
        return values

    def start(self, variance: Array, K: int, correlation: Array | None = None) -> dict[str, Array]:
        """Begin at the columns' own scales, or their quadratic mean, without correlations."""
        D = len(variance)
        scale = np.sqrt(variance if self.per_column else variance.mean())
        values = {"scale": scale, "correlation": np.eye(D)}
        return {
            site.name: np.broadcast_to(values[site.name], site.shape).copy()
            for site in self.sites(K, D)
        }


def _same(array: Array, axis: int) -> bool:
    first = array.take([0], axis=axis)
    rounding = 1e-9 * np.abs(first) + 1e-12 * np.abs(array).max()
    return bool((np.abs(array - first) <= rounding).all())


FAMILIES: dict[tuple[str, bool | None], Family] = {}
"""All families by how a mixture names them, in the order in which they are listed."""


def named(covariance: str, tied: bool | None, field: str = "covariance") -> tuple[str, bool | None]:
    """Return how a mixture names a family that is given so, or by its code alone.

    "VVV" is ("full", False): one family has one name, and so one id. `field` is what a refusal
    calls what came.

    Raises
    ------
    ValueError
        When there is no such family, or `tied` contradicts the code.
    """
    if (covariance, tied) in FAMILIES:
        return covariance, tied
    codes = {family.code: pair for pair, family in FAMILIES.items()}
    if covariance in codes:
        pair = codes[covariance]
        if tied is None or tied == pair[1]:
            return pair
        raise ValueError(
            f"{field} {covariance!r} came with tied={tied}, but a code says by itself what is "
            "shared. Leave tied out."
        )
    if any(covariance == name for name, _ in FAMILIES):
        raise ValueError(
            f"{field} {covariance!r} came with tied={tied}, but True or False was expected: "
            "whether all components share one. Give it."
        )
    names = list(dict.fromkeys(n for n, tied in FAMILIES if tied is not None))
    raise ValueError(
        f"{field} is {covariance!r}, but "
        f"{', '.join(map(repr, names))} or a code ({', '.join(codes)}) was expected. Correct it."
    )


def by_code(code: str) -> Family:
    """Return the family of a code, "EII" … "VVV"."""
    return next(family for family in FAMILIES.values() if family.code == code)


def register(family: Family) -> None:
    """Add a family to the list; its compiled pair goes to `engines.families.PAIRS`."""
    FAMILIES[family.covariance, family.tied] = family


for _family in (
    ScalesAndCorrelations("EII", "spherical", True, "spherical, shared", "same balls"),
    ScalesAndCorrelations(
        "VII", "spherical", False, "spherical, own", "balls, own size", "spherical"
    ),
    ScalesAndCorrelations("EEI", "diag", True, "diagonal, shared", "same ellipses along the axes"),
    ScalesAndCorrelations(
        "VVI", "diag", False, "diagonal, own", "own ellipses along the axes", "diag"
    ),
    ScalesAndCorrelations("EEE", "full", True, "full, shared", "same ellipses", "tied"),
    ScalesAndCorrelations("VVV", "full", False, "full, own", "own ellipses", "full"),
    SizeShapeDirection("VEI", "VEI", None, "VEI", "same shape along the axes, own size"),
    SizeShapeDirection("EVI", "EVI", None, "EVI", "same size along the axes, own shape"),
    SizeShapeDirection("VEE", "VEE", None, "VEE", "same shape and direction, own size"),
    SizeShapeDirection("EVE", "EVE", None, "EVE", "same size and direction, own shape"),
    SizeShapeDirection("VVE", "VVE", None, "VVE", "same direction, own size and shape"),
    SizeShapeDirection("EEV", "EEV", None, "EEV", "same size and shape, own direction"),
    SizeShapeDirection("VEV", "VEV", None, "VEV", "same shape, own size and direction"),
    SizeShapeDirection("EVV", "EVV", None, "EVV", "same size, own shape and direction"),
):
    register(_family)
