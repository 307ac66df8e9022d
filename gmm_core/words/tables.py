"""A fit in numbers: its components, and its loss term by term."""

from __future__ import annotations

import numpy as np

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import likelihood_shift, parameter_columns
from gmm_core.formatting import number
from gmm_core.mixture import (
    Mixture,
    Parameters,
    log_joint_terms,
    log_prior_terms,
    responsibilities,
)
from gmm_core.mixture.in_table import medians_in_table, parameters_in_table


def component_table(
    dataset: Dataset, parameters: Parameters
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the components: weight, where each is, how wide, and its points.

    In the units of the table, as `mixture.in_table` has them; names say what is of a logarithm, and
    the medians of such columns stand in the table's units.
    """
    point = parameters_in_table(dataset, parameters)
    K, medians = len(point.weights), medians_in_table(dataset, point.locs)
    head = ["component", "weight"]
    head += [f"{what} {name}" for name in parameter_columns(dataset) for what in ("loc", "sd")]
    head += [*(f"median {name}" for name in medians), "points"]
    places = np.stack([point.locs, point.scales], axis=2).reshape(K, -1)
    middles = np.reshape(list(medians.values()), (-1, K)).T
    points = points_each(dataset, parameters)
    numbers = np.column_stack([point.weights, places, middles, points[:K]])
    rows = [(str(k + 1), *(f"{v:.6g}" for v in row)) for k, row in enumerate(numbers.tolist())]
    if point.noise is not None:
        empty = [""] * (len(head) - 3)
        rows.append(("noise", f"{float(point.noise):.6g}", *empty, f"{points[K]:.6g}"))
    return tuple(head), rows


def points_each(dataset: Dataset, parameters: Parameters) -> list[float]:
    """Count the points of each component [K]: the sum of its responsibilities."""
    if dataset.whole is not None:
        # Of all rows, where an optimum is: there the sum is the component's share.
        return (dataset.whole.total * parameters.every_weight).tolist()
    r = responsibilities(parameters, dataset.values)
    return (r.sum(axis=0) if dataset.weights is None else dataset.weights @ r).tolist()


def objective_rows(
    dataset: Dataset, mixture: Mixture, parameters: Parameters, loss: float | None = None
) -> list[tuple[str, str]]:
    """Split the log joint at a point into rows (term, value) for reading, the sum last.

    Of transformed columns the log likelihood of the table follows, by which runs compare.

    Parameters
    ----------
    loss : what it is where the data is not here, so that the likelihood is the rest of it.
    """
    names = {
        "likelihood": "log likelihood",
        "weights": "prior of the weights",
        "locs": "prior of the locs",
        "scale": "prior of the scale",
        "correlation": "prior of the correlations",
        "shape": "prior of the shape",
        "covariances": "prior of the covariances",
    }
    if loss is None:
        terms = log_joint_terms(dataset, mixture, parameters)
    else:
        priors = {n: float(v) for n, v in log_prior_terms(mixture, parameters).items()}
        terms = {"likelihood": -loss - sum(priors.values()), **priors}
    rows = [(names[name], number(value, 5)) for name, value in terms.items()]
    total = sum(terms.values())
    rows += [("log joint", number(total, 6)), ("loss = −log joint", number(-total, 6))]
    if shift := likelihood_shift(dataset):
        rows.append(("log likelihood of the table", number(terms["likelihood"] + shift, 6)))
    return rows
