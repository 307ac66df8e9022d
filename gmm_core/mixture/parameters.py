"""One point of a mixture, and how it splits into the model's own sites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.mixture.model import Mixture

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Parameters:
    """One point: weights [K], locs [K, D] and Cholesky factors scale_tril [K, D, D].

    A leading axis [M] on all three makes it a sequence of points, as along a trajectory.

    Raises
    ------
    ValueError
        When shapes do not agree, weights are not a distribution, or a factor is not lower
        triangular with a positive diagonal.
    """

    weights: Array
    locs: Array
    scale_tril: Array

    def __post_init__(self) -> None:
        for name in ("weights", "locs", "scale_tril"):
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float64).copy()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        lead, K = self.weights.shape[:-1], self.weights.shape[-1] if self.weights.ndim else 0
        D = self.locs.shape[-1] if self.locs.ndim else 0
        expected = ((*lead, K, D), (*lead, K, D, D))
        if not (K and D) or (self.locs.shape, self.scale_tril.shape) != expected:
            raise ValueError(
                f"Parameters came with weights {self.weights.shape}, locs {self.locs.shape} and "
                f"scale_tril {self.scale_tril.shape}. Expected [K], [K, D] and [K, D, D]."
            )
        w = self.weights
        if not (np.all(w >= 0) and np.all(np.abs(w.sum(-1) - 1) < 1e-6)):
            raise ValueError(
                f"The weights {w.tolist() if w.ndim == 1 else '(of a sequence)'} are not a "
                "distribution. Give numbers >= 0 that sum to one."
            )
        if not np.all(np.isfinite(self.locs)):
            raise ValueError("Some locs are not finite. Give finite numbers.")
        L = self.scale_tril
        diagonal = np.diagonal(L, axis1=-2, axis2=-1)
        if not (np.all(np.isfinite(L)) and np.all(diagonal > 0) and np.all(np.triu(L, 1) == 0)):
            raise ValueError(
                "scale_tril has to be lower triangular with a positive diagonal: the Cholesky "
                "factor of each covariance (numpy.linalg.cholesky)."
            )

    @property
    def covariances(self) -> Array:
        """Covariance matrices [K, D, D], in squared units of the data."""
        return self.scale_tril @ np.swapaxes(self.scale_tril, -1, -2)

    @property
    def scales(self) -> Array:
        """Standard deviation of each component along each column [K, D]."""
        return np.sqrt(np.einsum("...ij,...ij->...i", self.scale_tril, self.scale_tril))

    @property
    def correlations(self) -> Array:
        """Correlation of each two columns within each component [K, D, D]."""
        rows = self.scale_tril / self.scales[..., None]
        return rows @ np.swapaxes(rows, -1, -2)

    @property
    def order(self) -> NDArray[np.intp]:
        """Components by weight, largest first [K]; equal weights by their first loc."""
        if self.weights.ndim != 1:
            raise ValueError("A sequence of points has no single order. Take one point of it.")
        return np.lexsort((self.locs[:, 0], -self.weights))

    def permuted(self, order: ArrayLike) -> Parameters:
        """Return the same mixture with its components in the given order [K]."""
        index = np.asarray(order)
        return Parameters(
            self.weights[..., index], self.locs[..., index, :], self.scale_tril[..., index, :, :]
        )

    def __len__(self) -> int:
        """Count the points of a sequence."""
        if self.weights.ndim == 1:
            raise TypeError("One point has no length; a sequence of points has.")
        return len(self.weights)

    def __getitem__(self, index: int) -> Parameters:
        """Return one point of a sequence."""
        if self.weights.ndim == 1:
            raise TypeError("This is one point, not a sequence of points.")
        return Parameters(self.weights[index], self.locs[index], self.scale_tril[index])

    def __iter__(self) -> Iterator[Parameters]:
        """Go through the points of a sequence."""
        return (self[i] for i in range(len(self)))


def sites(mixture: Mixture, parameters: Parameters) -> dict[str, Array]:
    """Split a point into the model's own sites: weights, locs, scale and correlation.

    Returns
    -------
    "weights" [K], "locs" [K, D], "scale" of `mixture.scale_shape(D)`, and where the mixture has
    correlations "correlation" [D, D] or [K, D, D]: Cholesky factors with rows of length one.
    Leading axes of a sequence of points stand before these.

    Raises
    ------
    ValueError
        When the point is not one of this mixture: another K, or covariances of another form.
    """
    K, D = parameters.locs.shape[-2:]
    if mixture.n_components != K:
        raise ValueError(
            f"The parameters have {K} components, but the mixture has K = {mixture.n_components}. "
            "Use the mixture they were fitted with."
        )
    scales, L = parameters.scales, parameters.scale_tril
    correlation = L / scales[..., None]

    def same(array: Array, axis: int) -> bool:
        first = array.take([0], axis=axis)
        return bool(np.allclose(array, first, rtol=1e-9, atol=1e-12 * np.abs(array).max()))

    if mixture.tied and not same(L, -3):
        raise ValueError(
            "The mixture is tied, one covariance for all components, but the parameters have "
            "different ones. Use tied=False."
        )
    if not mixture.has_correlations(D) and np.any(np.tril(correlation, -1)):
        raise ValueError(
            f"The mixture's covariance is {mixture.covariance}, but the parameters have "
            'correlations. Use covariance="full".'
        )
    if mixture.covariance == "spherical":
        if not same(scales, -1):
            raise ValueError(
                "The mixture is spherical, one scale for all columns, but the parameters have "
                'different ones. Use covariance="diag".'
            )
        scales = scales[..., 0]
    found = {"weights": parameters.weights, "locs": parameters.locs}
    components = -1 if mixture.covariance == "spherical" else -2
    found["scale"] = np.take(scales, 0, axis=components) if mixture.tied else scales
    if mixture.has_correlations(D):
        found["correlation"] = correlation[..., 0, :, :] if mixture.tied else correlation
    return found


def from_sites(mixture: Mixture, values: dict[str, Array]) -> Parameters:
    """Put the model's sites together into expanded parameters; the inverse of `sites`.

    Every site may have the same leading axes, such as [C, S] of a sampler's draws.
    """
    weights = np.asarray(values["weights"], dtype=np.float64)
    locs = np.asarray(values["locs"], dtype=np.float64)
    K, D = locs.shape[-2:]
    scale = np.asarray(values["scale"], dtype=np.float64)
    if mixture.covariance == "spherical":
        scale = np.repeat(scale[..., None], D, axis=-1)
    if mixture.tied:
        scale = np.repeat(scale[..., None, :], K, axis=-2)
    if "correlation" in values:
        correlation = np.asarray(values["correlation"], dtype=np.float64)
        if mixture.tied:
            correlation = np.repeat(correlation[..., None, :, :], K, axis=-3)
        scale_tril = scale[..., None] * correlation
    else:
        scale_tril = scale[..., None] * np.eye(D)
    return Parameters(weights, locs, np.tril(scale_tril))
