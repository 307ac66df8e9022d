"""Data to start with: famous datasets, and small mixtures whose truth is known.

Every page can be tried without a file, and each example shows one thing a mixture does well or
badly. The generated ones are rounded to three decimals, so that their fingerprints, and the links
to runs on them, do not hang on the last bit of a machine's arithmetic.
"""

from __future__ import annotations

import csv
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.values import check_size
from gmm_core.formatting import listing


class MixtureLike(Protocol):
    """What `generate` needs of a mixture's parameters."""

    @property
    def weights(self) -> NDArray[np.float64]:
        """[K], summing to one."""

    @property
    def locs(self) -> NDArray[np.float64]:
        """[K, D]."""

    @property
    def scale_tril(self) -> NDArray[np.float64]:
        """[K, D, D], lower Cholesky factors of the covariances."""


@dataclass(frozen=True)
class _Truth:
    weights: NDArray[np.float64]
    locs: NDArray[np.float64]
    scale_tril: NDArray[np.float64]


@dataclass(frozen=True)
class _Example:
    description: str
    make: Callable[[str], Dataset]


def example(name: str) -> Dataset:
    """Give one of the built-in datasets.

    Parameters
    ----------
    name : one of `examples()`.

    Raises
    ------
    ValueError
        When there is no example of this name.
    """
    return _made(_known(name))


def examples() -> tuple[str, ...]:
    """Name the built-in datasets, the simplest first."""
    return tuple(_EXAMPLES)


def is_tutorial(dataset: Dataset) -> bool:
    """Whether these are the tutorial's five points, whatever they are called."""
    return dataset.fingerprint == example("tutorial").fingerprint


def describe(name: str) -> str:
    """Say in a sentence what an example is, and where it comes from.

    Raises
    ------
    ValueError
        When there is no example of this name.
    """
    return _EXAMPLES[_known(name)].description


def generate(
    parameters: MixtureLike,
    n: int,
    seed: int = 0,
    name: str = "generated",
    columns: tuple[str, ...] | None = None,
) -> Dataset:
    """Draw points from a mixture.

    Parameters
    ----------
    parameters : K components in D dimensions: weights [K], locs [K, D], scale_tril [K, D, D].
    n : how many points, N.
    seed : a whole number from 0; the same seed gives the same points.
    name : of the dataset.
    columns : D names; by default "value", or "x1", "x2", ...

    Returns
    -------
    A dataset of [N, D].

    Raises
    ------
    ValueError
        When n or the seed is no whole number in range, the shapes do not fit, the weights are no
        probabilities, or the parameters are not finite.
    """
    weights, locs, scale_tril = _checked(parameters)
    K, D = locs.shape
    n = _whole(n, "n", "points", least=1)
    check_size(n, D)
    rng = np.random.default_rng(_whole(seed, "seed", "the random seed", least=0))
    # Uniform and normal draws only: NumPy keeps these streams the same more than `choice`.
    edges = np.cumsum(weights) / weights.sum()
    assignment = np.minimum(np.searchsorted(edges, rng.random(n), side="right"), K - 1)
    noise = rng.standard_normal((n, D))
    values = np.empty((n, D))
    for k in range(K):
        members = assignment == k
        values[members] = locs[k] + noise[members] @ scale_tril[k].T
    return Dataset.from_values(values, columns, name)


def _checked(
    parameters: MixtureLike,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    weights = np.asarray(parameters.weights, dtype=np.float64)
    locs = np.asarray(parameters.locs, dtype=np.float64)
    scale_tril = np.asarray(parameters.scale_tril, dtype=np.float64)
    K, D = locs.shape if locs.ndim == 2 else (0, 0)
    if K == 0 or weights.shape != (K,) or scale_tril.shape != (K, D, D):
        raise ValueError(
            f"The parameters have shapes weights {weights.shape}, locs {locs.shape}, scale_tril "
            f"{scale_tril.shape}, but [K], [K, D] and [K, D, D] were expected. Make them fit."
        )
    if not all(np.isfinite(a).all() for a in (weights, locs, scale_tril)):
        raise ValueError("The parameters hold values that are not finite. Replace them by numbers.")
    if (weights < 0).any() or abs(weights.sum() - 1) > 1e-6:
        raise ValueError(
            f"The weights are {weights.tolist()} with sum {weights.sum():.6g}, but non-negative "
            "numbers that sum to 1 were expected. Divide them by their sum."
        )
    return weights, locs, scale_tril


def _whole(value: object, name: str, what: str, *, least: int) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        shown = repr(value)[:40]
        raise ValueError(
            f"{name} = {shown} came for {what}, but a whole number from {least} was expected. "
            "Correct it."
        )
    return number


def _known(name: str) -> str:
    if name not in _EXAMPLES:
        raise ValueError(f"There is no example {name!r:.60}. Choose from {listing(_EXAMPLES, 20)}.")
    return name


@cache  # datasets never change, so all pages can share one
def _made(name: str) -> Dataset:
    return _EXAMPLES[name].make(name)


def _tutorial(name: str) -> Dataset:
    return Dataset.from_values([0, 1, 10, 11, 12], ("value",), name)


def _from_file(classes: str | None = None) -> Callable[[str], Dataset]:
    def make(name: str) -> Dataset:
        text = (resources.files("gmm_core") / "data" / f"{name}.csv").read_text(encoding="utf-8")
        rows = list(csv.DictReader(text.splitlines()))
        columns = tuple(c for c in rows[0] if c != classes)
        return Dataset.from_values(
            [[float(r[c]) for c in columns] for r in rows],
            columns,
            name,
            classes=None if classes is None else [r[classes] for r in rows],
        )

    return make


def _simulated(
    weights: ArrayLike, locs: ArrayLike, covariances: ArrayLike, n: int, seed: int
) -> Callable[[str], Dataset]:
    def make(name: str) -> Dataset:
        scale_tril = np.linalg.cholesky(np.asarray(covariances, dtype=np.float64))
        truth = _Truth(np.asarray(weights), np.asarray(locs, dtype=np.float64), scale_tril)
        example = generate(truth, n, seed, name)
        return Dataset.from_values(example.values.round(3), example.columns, name)

    return make


def _outlier(name: str) -> Dataset:
    cloud = _simulated([0.5, 0.5], [[0.0], [6.0]], [[[1.0]], [[1.0]]], 99, 5)(name)
    return Dataset.from_values(np.append(cloud.values[:, 0], 40.0), cloud.columns, name)


_EXAMPLES: dict[str, _Example] = {
    "tutorial": _Example(
        "Five points, 0, 1, 10, 11 and 12: the data of Pyro's tutorial on Gaussian mixtures.",
        _tutorial,
    ),
    "faithful": _Example(
        "272 eruptions of the Old Faithful geyser: how long each lasted and the wait until the "
        "next, both in minutes. Source: Azzalini and Bowman (1990), A look at some data on the "
        "Old Faithful geyser, Applied Statistics 39, 357-365; as in R's datasets::faithful.",
        _from_file(),
    ),
    "galaxies": _Example(
        "Velocities of 82 galaxies in the Corona Borealis region, in 1000 km/s; gaps between "
        "groups speak for superclusters. Source: Roeder (1990), Journal of the American "
        "Statistical Association 85, 617-624, from Postman, Huchra and Geller (1986), Astronomical "
        "Journal 92, 1238-1247. The 78th value is 26.690 as in most analyses; the original paper "
        "has 26.960.",
        _from_file(),
    ),
    "iris": _Example(
        "150 iris flowers of three species, four lengths in centimetres; the species is known "
        "and not fitted. Source: Fisher (1936), The use of multiple measurements in taxonomic "
        "problems, Annals of Eugenics 7, 179-188; measured by Anderson (1935).",
        _from_file(classes="label"),
    ),
    "overlapping": _Example(
        "200 points from two normal distributions, 2.5 standard deviations apart, that overlap: "
        "many points cannot be told apart surely. Generated.",
        _simulated([0.6, 0.4], [[0.0], [2.5]], [[[1.0]], [[1.0]]], 200, 1),
    ),
    "unequal": _Example(
        "300 points, of which about 5 % come from a small, narrow component beside a wide one. "
        "Generated.",
        _simulated([0.95, 0.05], [[0.0], [6.0]], [[[4.0]], [[0.09]]], 300, 2),
    ),
    "three-blobs": _Example(
        "300 points in the plane from three round, well separated components. Generated.",
        _simulated([0.5, 0.3, 0.2], [[0, 0], [6, 1], [2, 6]], [np.eye(2)] * 3, 300, 3),
    ),
    "correlated": _Example(
        "400 points in the plane from two long ellipses that cross and tilt against each other: "
        "only full covariances, one for each component, describe them. Generated.",
        _simulated(
            [0.55, 0.45],
            [[0, 0], [3, 0]],
            [[[2.0, 1.7], [1.7, 2.0]], [[2.0, -1.7], [-1.7, 2.0]]],
            400,
            4,
        ),
    ),
    "outlier": _Example(
        "99 points from two components around 0 and 6, and one point at 40 that draws a component "
        "to itself. Generated.",
        _outlier,
    ),
}
