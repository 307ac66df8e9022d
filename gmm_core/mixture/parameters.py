"""One point of a mixture, and how it splits into the model's own sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.mixture.model import Mixture

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Parameters:
    """One point: weights [K], locs [K, D] and Cholesky factors scale_tril [K, D, D].

    With noise also its weight `noise`, so that the weights and it sum to one, and the widths `box`
    [D] of the box in which it is uniform; without them the noise fills the box of the values that
    are asked about.

    A leading axis [M] on all three makes it a sequence of points, as along a trajectory; several
    of them, such as [C, S] of a sampler's draws, a table of points. They are what an index, a slice
    or a mask chooses from, and what `reshape` changes.

    Raises
    ------
    ValueError
        When shapes do not agree, weights are not a distribution, or a factor is not lower
        triangular with a positive diagonal.
    """

    weights: Array
    locs: Array
    scale_tril: Array
    noise: Array | None = None
    box: Array | None = None

    def __post_init__(self) -> None:
        for name, value in self.arrays().items():
            self._keep(name, value)
        lead, K = self.weights.shape[:-1], self.weights.shape[-1] if self.weights.ndim else 0
        D = self.locs.shape[-1] if self.locs.ndim else 0
        shapes = {name: array.shape for name, array in self.arrays().items()}
        every = {**self.shapes(K, D), "noise": (), "box": (D,)}
        expected = {name: (*lead, *every[name]) for name in shapes}
        if not (K and D) or shapes != expected:
            raise ValueError(
                f"Parameters came with weights {self.weights.shape}, locs {self.locs.shape} and "
                f"scale_tril {self.scale_tril.shape}. Expected [K], [K, D] and [K, D, D]."
            )
        w = self.weights if self.noise is None else self.every_weight
        if not ((w >= 0).all() and (np.abs(w.sum(-1) - 1) < 1e-6).all()):
            raise ValueError(
                f"The weights {w.tolist() if w.ndim == 1 else '(of a sequence)'} are not a "
                "distribution. Give numbers >= 0 that sum to one."
            )
        if not np.isfinite(self.locs).all():
            raise ValueError("Some locs are not finite. Give finite numbers.")
        L = self.scale_tril
        diagonal = np.diagonal(L, axis1=-2, axis2=-1)
        above = L[(..., *_above_diagonal(D))]
        if not (np.isfinite(L).all() and (diagonal > 0).all() and not above.any()):
            raise ValueError(
                "scale_tril has to be lower triangular with a positive diagonal: the Cholesky "
                "factor of each covariance (numpy.linalg.cholesky)."
            )
        if self.box is not None and not np.all(np.isfinite(self.box) & (self.box > 0)):
            raise ValueError("The widths of the noise's box have to be above zero and finite.")

    def _keep(self, name: str, value: ArrayLike) -> None:
        """Hold a copy of an array that nobody can write to."""
        array = np.array(value, dtype=np.float64, order="C")
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    @classmethod
    def _part(cls, arrays: Mapping[str, Array]) -> Parameters:
        """Put together what is taken from points that have been checked: it is one as they are."""
        point = object.__new__(cls)
        for name in _NAMES:
            if name in arrays:
                point._keep(name, arrays[name])
            else:
                object.__setattr__(point, name, None)
        return point

    @property
    def every_weight(self) -> Array:
        """Weights [K], with that of the noise behind them where there is one [K + 1]."""
        if self.noise is None:
            return self.weights
        return np.concatenate([self.weights, np.asarray(self.noise)[..., None]], axis=-1)

    @classmethod
    def weighted(
        cls, every_weight: Array, locs: Array, scale_tril: Array, box: Array | None = None
    ) -> Parameters:
        """Put a point together from `every_weight`, where there is noise with its box [D]."""
        *lead, K, D = locs.shape
        if every_weight.shape[-1] == K:
            return cls(every_weight, locs, scale_tril)
        everywhere = None if box is None else np.broadcast_to(box, (*lead, D))
        return cls(every_weight[..., :K], locs, scale_tril, every_weight[..., K], everywhere)

    @classmethod
    def of(cls, arrays: Mapping[str, ArrayLike]) -> Parameters:
        """Put a point together from its arrays by name, the inverse of `arrays`.

        Names that a point does not have are passed over.

        Raises
        ------
        ValueError
            When an array is missing, or they make no point.
        """
        parts = {field.name: field.default for field in fields(cls)}
        lacking = [n for n, default in parts.items() if default is MISSING and n not in arrays]
        if lacking:
            raise ValueError(
                f"Parameters came without {' and '.join(lacking)}. Give {', '.join(parts)}."
            )
        return cls(**{name: np.asarray(arrays[name]) for name in parts if name in arrays})

    @staticmethod
    def shapes(n_components: int, n_columns: int) -> dict[str, tuple[int, ...]]:
        """Shape of each array of one point with K components in D columns, without noise."""
        K, D = n_components, n_columns
        return {"weights": (K,), "locs": (K, D), "scale_tril": (K, D, D)}

    @classmethod
    def size(cls, n_components: int, n_columns: int) -> int:
        """Count the numbers of one point with K components in D columns."""
        return sum(prod(shape) for shape in cls.shapes(n_components, n_columns).values())

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of the point by name; a part that is absent is left out."""
        parts = {name: getattr(self, name) for name in _NAMES}
        return {name: array for name, array in parts.items() if array is not None}

    @property
    def lead(self) -> tuple[int, ...]:
        """Leading axes: () of one point, (M,) of a sequence."""
        return self.weights.shape[:-1]

    def reshape(self, *lead: int) -> Parameters:
        """Return the same points with other leading axes; -1 for all of them in one row."""
        n = len(self.lead)
        arrays = self.arrays().items()
        return self._part({name: a.reshape(*lead, *a.shape[n:]) for name, a in arrays})

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

    def marginal(self, columns: ArrayLike) -> Parameters:
        """Return the mixture of some of the columns: a marginal of Gaussians is Gaussian.

        Of a sequence of points, that of each.
        """
        index = np.asarray(columns)
        # L Q has the same product for every orthogonal Q; unlike Cholesky's, it always exists.
        rows = np.swapaxes(self.scale_tril[..., index, :], -1, -2)
        factor = np.swapaxes(np.linalg.qr(rows, mode="r"), -1, -2)
        sign = np.sign(np.diagonal(factor, axis1=-2, axis2=-1))
        return replace(
            self,
            locs=self.locs[..., index],
            scale_tril=factor * sign[..., None, :],
            box=None if self.box is None else self.box[..., index],
        )

    def permuted(self, order: ArrayLike) -> Parameters:
        """Return the same mixture with its components in the given order [K]."""
        index, axis = np.asarray(order), len(self.lead)
        arrays = {name: getattr(self, name).take(index, axis) for name in self.shapes(1, 1)}
        return replace(self, **arrays)

    def __len__(self) -> int:
        """Count the points of a sequence."""
        if self.weights.ndim == 1:
            raise TypeError("One point has no length; a sequence of points has.")
        return len(self.weights)

    def __getitem__(self, index: Any) -> Parameters:
        """Return one point of a sequence, or some: by number, slice, list or mask."""
        if self.weights.ndim == 1:
            raise TypeError("This is one point, not a sequence of points.")
        if not isinstance(index, int | slice):
            # What goes beyond the leading axes ends here, before it reaches the components.
            _ = np.broadcast_to(0.0, self.lead)[index]
        return self._part({name: array[index] for name, array in self.arrays().items()})

    def __iter__(self) -> Iterator[Parameters]:
        """Go through the points of a sequence."""
        return (self[i] for i in range(len(self)))


_NAMES = tuple(field.name for field in fields(Parameters))


def stacked(points: Sequence[Parameters]) -> Parameters:
    """Return points as a sequence of them, with what all of them have."""
    arrays = [point.arrays() for point in points]
    shared = [name for name in arrays[0] if all(name in one for one in arrays)]
    return Parameters.of({name: np.stack([one[name] for one in arrays]) for name in shared})


@lru_cache(maxsize=64)
def _above_diagonal(D: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(D, 1)


def sites(mixture: Mixture, parameters: Parameters) -> dict[str, Array]:
    """Split a point into the model's own sites: weights, locs, and those of covariances.

    Returns
    -------
    "weights" [K], "locs" [K, D], and the sites of the family (`Family.sites`), such as "scale" and
    "correlation" [D, D] or [K, D, D], Cholesky factors with rows of length one. Leading axes of a
    sequence of points stand before these.

    Raises
    ------
    ValueError
        When the point is not one of this mixture: another K, or covariances of another form.
    """
    K = parameters.locs.shape[-2]
    if mixture.n_components != K:
        raise ValueError(
            f"The parameters have {K} components, but the mixture has K = {mixture.n_components}. "
            "Use the mixture they were fitted with."
        )
    if mixture.noise != (parameters.noise is not None):
        amount = "none" if parameters.noise is None else "some"
        raise ValueError(
            f"The mixture has noise={mixture.noise}, but the parameters have {amount}. Use the "
            "mixture they were fitted with."
        )
    covariances = mixture.family.split(parameters.scale_tril)
    return {"weights": parameters.every_weight, "locs": parameters.locs} | covariances


def from_sites(mixture: Mixture, values: dict[str, Array], box: Array | None = None) -> Parameters:
    """Put the model's sites together into expanded parameters; the inverse of `sites`.

    Every site may have the same leading axes, such as [C, S] of a sampler's draws. `box` [D] is
    that of the noise, where the mixture has any.
    """
    weights = np.asarray(values["weights"], dtype=np.float64)
    locs = np.asarray(values["locs"], dtype=np.float64)
    K, D = locs.shape[-2:]
    values = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    scale_tril = mixture.family.factor(np, values, K, D)
    return Parameters.weighted(weights, locs, np.tril(scale_tril), box)
