"""Points of the mixture in the units of the person's table, as far as they have an image there.

A straight line takes a Gaussian to a Gaussian: of a standardised column all comes back. Through a
logarithm only what goes by order does, such as the median of a component; its mean, scale and
covariances stay those of the logarithm, and are named so (`data.transformed.parameter_columns`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table, parameter_columns, table_columns
from gmm_core.data.transforms import named
from gmm_core.mixture.parameters import Parameters

Array = NDArray[np.float64]


def parameters_in_table(dataset: Dataset, parameters: Parameters) -> Parameters:
    """Take a point, or a sequence of them, to the units of the table.

    Parameters
    ----------
    dataset : what it was fitted to.
    parameters : K components in D columns, with any leading axes.

    Returns
    -------
    The same components; along columns whose transform is no straight line, such as a logarithm,
    as they were fitted. `data.transformed.parameter_columns` names them.

    Raises
    ------
    ValueError
        When data and parameters differ in their number of columns.
    """
    return Parameters.of(arrays_in_table(dataset, parameters.arrays()))


def arrays_in_table(dataset: Dataset, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Do the same with the arrays of points, NaN where a running chain has not drawn yet."""
    D = arrays["locs"].shape[-1]
    if len(dataset.columns) != D:
        raise ValueError(
            f"The data has {len(dataset.columns)} columns, but the result has D = {D}. "
            "Give the data it was made of."
        )
    center, scale = np.zeros(D), np.ones(D)
    for d, how in enumerate(dataset.transforms or ()):
        if how is not None and named(how.transform).linear:
            center[d], scale[d] = how.moments(np.zeros(()), np.ones(()))
    back = {
        "locs": lambda z: center + scale * z,
        "scale_tril": lambda z: scale[:, None] * z,
        "box": lambda z: scale * z,
    }
    return {name: back.get(name, np.asarray)(array) for name, array in arrays.items()}


def medians_in_table(dataset: Dataset, locs: Array) -> dict[str, Array]:
    """Return the medians of components [..., K] along the columns that are not there themselves.

    Parameters
    ----------
    locs : [..., K, D], as they were fitted or of `parameters_in_table`.

    Returns
    -------
    By the name of the column in the table; empty where `parameters_in_table` takes all there.
    """
    names = zip(table_columns(dataset), parameter_columns(dataset), strict=True)
    return {
        name: in_table(dataset, d, locs[..., d])
        for d, (name, fitted) in enumerate(names)
        if name != fitted
    }
