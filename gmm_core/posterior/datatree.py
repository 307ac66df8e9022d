"""The draws of a posterior as ArviZ expects them: groups of variables with named axes.

Groups and names are those of the InferenceData schema
(https://python.arviz.org/en/stable/schema/schema.html), which ArviZ 1 keeps as `xarray.DataTree`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import (
    as_in_table,
    in_table,
    log_slopes,
    original,
    parameter_columns,
    table_columns,
    units,
)
from gmm_core.mixture import Mixture, Parameters, log_density
from gmm_core.mixture.in_table import arrays_in_table
from gmm_core.posterior.predictive import prior_draws, replicated

if TYPE_CHECKING:
    import xarray

    from gmm_core.posterior.draws import Posterior

Array = NDArray[np.float64]

PRIOR_DRAWS = 1000

BUDGET = 20_000_000
"""Numbers of a group that grows with points × draws, 160 MB; beyond it the group is left out."""

# Ours, the schema's.
_STATS = {
    "log_joint": "lp",
    "diverging": "diverging",
    "tree_depth": "tree_depth",
    "energy": "energy",
    "acceptance": "acceptance_rate",
    "mode": "mode",
}
# One number of each chain, which the schema has for each draw.
_OF_CHAINS = ("step_size", "log_evidence", "pareto_k", "added")

_AXES: dict[str, tuple[str, ...]] = {
    "weights": ("component",),
    "locs": ("component", "column"),
    "scale": ("component", "column"),
    "scale_tril": ("component", "column", "column_bis"),
    "noise": (),
    "box": ("column",),
}
RELABELLED = "_relabelled"


class Variable(NamedTuple):
    """An array and the names of its axes."""

    axes: tuple[str, ...]
    values: NDArray[Any]


Groups = dict[str, dict[str, Variable]]


def groups(
    posterior: Posterior,
    dataset: Dataset | None = None,
    mixture: Mixture | None = None,
    *,
    seed: int = 0,
    budget: int = BUDGET,
    renamed: bool = True,
) -> Groups:
    """Return the variables of each group.

    "posterior" has weights, locs, scale (standard deviations) and scale_tril as they were drawn,
    and again with labels that mean the same in all draws, as "weights_relabelled" and so on. The
    data brings "observed_data" (with weight and known_class of the points), "log_likelihood" and
    "posterior_predictive"; with proper priors the mixture brings "prior" and "prior_predictive".
    Where columns were transformed all is in the units of the table, except for parameters of
    columns that were fitted as a logarithm or a square root, which are of that (`columns_of`).

    Parameters
    ----------
    dataset, mixture : what was fitted, and how.
    seed : of the points and mixtures that are drawn.
    budget : numbers up to which a group of points × draws is there.
    renamed : whether the draws are there with labels that mean the same, too.

    Raises
    ------
    ValueError
        When the data has another number of columns than the draws.
    """
    C, S, _, D = posterior.draws["locs"].shape
    if dataset is not None and len(dataset.columns) != D:
        raise ValueError(
            f"The draws have D = {D} columns, but the data has {len(dataset.columns)}. "
            "Give the data that they were drawn for."
        )
    raw = _variables(posterior.draws, dataset)
    tree: Groups = {"posterior": raw, "sample_stats": _stats(posterior)}
    if renamed:
        same = _variables(posterior.relabelled(dataset).draws, dataset)
        tree["posterior"] |= {n + RELABELLED: v for n, v in same.items() if "component" in v.axes}
    if dataset is None:
        return tree
    tree["observed_data"] = _observed(dataset)
    N = len(dataset.values)
    if budget >= C * S * N:
        density = log_density(posterior.parameters, dataset.values) + log_slopes(dataset)
        density = density.reshape(C, S, N)
        tree["log_likelihood"] = {"obs": Variable(("chain", "draw", "point"), density)}
    # Noise has no place outside of its box, and what is missing no replicate.
    plain = posterior.draws.get("noise") is None and not dataset.incomplete
    observed = ("chain", "draw", "point", "column")
    if plain and budget >= C * S * N * D:
        replicates = _points(dataset, replicated(posterior.parameters, N, seed))
        replicates = replicates.reshape(C, S, N, D)
        tree["posterior_predictive"] = {"obs": Variable(observed, replicates)}
    if plain and mixture is not None and mixture.priors.proper and not mixture.noise:
        prior = prior_draws(dataset, mixture, PRIOR_DRAWS, seed).reshape(1, PRIOR_DRAWS)
        tree["prior"] = _variables(prior.arrays(), dataset)
        if budget >= PRIOR_DRAWS * N * D:
            replicates = _points(dataset, replicated(prior.reshape(-1), N, seed))
            replicates = replicates.reshape(1, PRIOR_DRAWS, N, D)
            tree["prior_predictive"] = {"obs": Variable(observed, replicates)}
    return tree


def columns_of(variables: dict[str, Variable], dataset: Dataset) -> tuple[str, ...]:
    """Name the columns of a group: of components, or of points, which are as in the table."""
    of_components = any("component" in variable.axes for variable in variables.values())
    return parameter_columns(dataset) if of_components else table_columns(dataset)


def coordinates(variables: dict[str, Variable], columns: tuple[str, ...]) -> dict[str, Any]:
    """Return the names along each axis of a group: of columns, and numbers; components from 1."""
    sizes = {
        axis: size
        for variable in variables.values()
        for axis, size in zip(variable.axes, variable.values.shape, strict=True)
    }
    names = {axis: np.array(columns, dtype=object) for axis in ("column", "column_bis")}
    first = {"component": 1}
    return {
        axis: names.get(axis, np.arange(size) + first.get(axis, 0)) for axis, size in sizes.items()
    }


def datatree(
    posterior: Posterior, dataset: Dataset | None = None, mixture: Mixture | None = None
) -> xarray.DataTree:
    """Put the groups together as an `xarray.DataTree`; see `groups`."""
    import xarray

    D = posterior.draws["locs"].shape[-1]
    numbers = tuple(str(d + 1) for d in range(D))
    attributes = {"creation_library": "Mixture Explorer"}
    if dataset is not None:
        attributes |= names(dataset, mixture)
    if dataset is not None and dataset.whole is not None:
        attributes["data"] = dataset.whole.sampled(len(dataset.values), dataset.total)
    return xarray.DataTree.from_dict(
        {
            name: xarray.Dataset(
                {n: (list(variable.axes), variable.values) for n, variable in variables.items()},
                coords=coordinates(
                    variables, numbers if dataset is None else columns_of(variables, dataset)
                ),
                attrs=attributes,
            )
            for name, variables in groups(posterior, dataset, mixture).items()
        }
    )


def _variables(draws: dict[str, Array], dataset: Dataset | None) -> dict[str, Variable]:
    """Name the axes of draws [C, S, ...], with the standard deviations beside their factors."""
    if dataset is not None:
        draws = arrays_in_table(dataset, draws)
    arrays = draws | {"scale": Parameters.of(draws).scales}
    return {
        name: Variable(("chain", "draw", *axes), arrays[name])
        for name, axes in _AXES.items()
        if name in arrays
    }


def _observed(dataset: Dataset) -> dict[str, Variable]:
    """Return the data, with what each point counts as and is known to be, where that was given."""
    variables = {"obs": Variable(("point", "column"), original(dataset).values)}
    if dataset.weights is not None:
        variables["weight"] = Variable(("point",), dataset.weights)
    if dataset.classes is not None:
        class_labels = np.array([name or "" for name in dataset.classes], dtype=object)
        variables["known_class"] = Variable(("point",), class_labels)
    return variables


def _points(dataset: Dataset, values: Array) -> Array:
    """Take points [..., D] to the units of the table."""
    return np.stack([in_table(dataset, d, values[..., d]) for d in range(values.shape[-1])], -1)


def names(dataset: Dataset, mixture: Mixture | None) -> dict[str, str]:
    """Say what numbers are of, as attributes: columns of parameters, their units, components."""
    columns, fitted = parameter_columns(dataset), units(dataset)
    of = {name: fitted.get(name, as_in_table(name)) for name in columns}
    attrs = {"columns": json.dumps(columns), "units": json.dumps(of)}
    if dataset.classes is not None:
        attrs["classes"] = json.dumps(dataset.class_names)
        if mixture is not None and mixture.classes_fixed:
            attrs["components"] = "as drawn, component j is class j; further ones have no class"
    if mixture is not None and mixture.noise:
        attrs["noise"] = "weight of one more component, uniform in a box of the widths in box"
    return attrs


def _stats(posterior: Posterior) -> dict[str, Variable]:
    C, S = posterior.n_chains, posterior.n_draws
    statistics = {
        arviz_name: Variable(("chain", "draw"), posterior.stats[stored_name])
        for stored_name, arviz_name in _STATS.items()
        if stored_name in posterior.stats
    }
    for name in _OF_CHAINS:
        if name in posterior.stats:
            per_draw = np.broadcast_to(posterior.stats[name][:, None], (C, S))
            statistics[name] = Variable(("chain", "draw"), per_draw)
    return statistics
