"""The mixture of some columns once others are known: a conditional of Gaussians is Gaussian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gmm_core.formatting import listing
from gmm_core.mixture.density import log_components
from gmm_core.mixture.parameters import Parameters


def conditional(
    parameters: Parameters, given: Mapping[str, float], columns: Sequence[str]
) -> Parameters:
    """Return the mixture of the other columns where these have the given values, p(rest | given).

    Parameters
    ----------
    parameters : one point, K components in D columns.
    given : values of some columns by name, in the data's units.
    columns : names of the D columns, such as `Dataset.columns`.

    Returns
    -------
    K components in the other columns, in their order.

    Raises
    ------
    ValueError
        When a column is not there, none is given or none is left, or a value is so far out that no
        component has any density there.

    Notes
    -----
    With the given columns first, the factor of a component's covariance is [[A, 0], [B, C]]: its
    loc becomes m + B A^-1 (x - m_given), its factor C, and its weight is the responsibility for
    the given values (Bishop 2006, section 2.3.1).
    """
    names = list(columns)
    if len(names) != parameters.locs.shape[-1]:
        raise ValueError(
            f"The columns have {len(names)} names, but the parameters D = "
            f"{parameters.locs.shape[-1]}. Give the columns that were fitted."
        )
    strange = [name for name in given if name not in names]
    if strange:
        raise ValueError(f'There is no column "{strange[0]}". Give values of {listing(names)}.')
    if not 0 < len(given) < len(names):
        raise ValueError(
            f"{len(given)} of {len(names)} columns are given. Give at least one, and leave at "
            "least one to be found."
        )
    missing = [name for name, value in given.items() if not np.isfinite(float(value))]
    if missing:
        raise ValueError(
            f'The value of "{missing[0]}" is {given[missing[0]]}, but a finite number was '
            "expected. Give one, or leave the column to be found."
        )
    first = [names.index(name) for name in given]
    rest = [i for i in range(len(names)) if i not in first]
    x, G = np.array([float(value) for value in given.values()]), len(first)
    # The noise knows nothing of one column from another.
    parameters = Parameters(
        parameters.weights / parameters.weights.sum(), parameters.locs, parameters.scale_tril
    )
    log_w = log_components(parameters.marginal(first), x[None])[:, 0]
    if not np.any(log_w > -np.inf):
        raise ValueError(
            f"No component has a density at {dict(given)}: it is too far out. Give values within "
            "the range of the data."
        )
    ordered = parameters.marginal([*first, *rest])
    L = ordered.scale_tril
    z = np.linalg.solve(L[:, :G, :G], (x - ordered.locs[:, :G])[..., None])
    weights = np.exp(log_w - log_w.max())
    return Parameters(
        weights / weights.sum(),
        ordered.locs[:, G:] + (L[:, G:, :G] @ z)[..., 0],
        L[:, G:, G:],
    )
