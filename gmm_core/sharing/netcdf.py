"""The draws of a posterior as a NetCDF file that ArviZ opens.

Its groups are those of `posterior.datatree`, raw draws beside relabelled ones.
"""

from __future__ import annotations

import io
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_core.posterior.datatree import (
    RELABELLED,
    Variable,
    columns_of,
    coordinates,
    groups,
    names,
)
from gmm_core.posterior.draws import Posterior
from gmm_core.runs import kinds

if TYPE_CHECKING:
    from gmm_core.runs.specification import Specification

_BUDGET = 2_000_000
"""Numbers of each group of points × draws, 16 MB: a file is downloaded through a browser."""


def draws_netcdf(spec: Specification, posterior: Posterior) -> bytes:
    """Write draws, statistics, data and predictions as NetCDF 4; `arviz.from_netcdf` opens it.

    Variables of "posterior": weights (chain, draw, component), locs (.., component, column),
    scale (standard deviations, as locs) and scale_tril (.., column, column_bis), in the units of
    the table as far as they have an image there (`posterior.datatree.groups`), and each again with
    labels that mean the same in all draws, unless the run was stopped and they would take long to
    be found; noise (chain, draw) where the mixture has some. What grows with points × draws is left
    out where it would be large. The run's specification stands in the attributes, beside columns,
    their units, classes and noise.

    Raises
    ------
    ValueError
        When the posterior is of other data than the specification.
    """
    # Loaded when it is needed: the file library costs a tenth of a second.
    import h5netcdf

    data = spec.dataset
    renamed = kinds.shown(spec, posterior) is posterior
    labels = "as drawn" + (f"; the same in all draws in *{RELABELLED}" if renamed else "")
    tree = groups(posterior, data, spec.mixture, budget=_BUDGET, renamed=renamed)
    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        file.attrs["specification"] = spec.to_json()
        file.attrs.update(names(data, spec.mixture))
        if (whole := spec.dataset.whole) is not None:
            file.attrs["data"] = whole.sampled(len(spec.dataset.values), spec.dataset.total)
        for name, variables in tree.items():
            _write(
                file.create_group(name),
                variables,
                coordinates(variables, columns_of(variables, data)),
            )
            file[name].attrs.update(
                {
                    "inference_library": spec.engine,
                    "inference_library_version": _version(spec),
                    "creation_library": "Mixture Explorer",
                    "tuning_steps": int(getattr(spec.options, "warmup", 0)),
                    "labels": json.dumps({"component": labels}),
                }
            )
    return buffer.getvalue()


def _version(spec: Specification) -> str:
    packages = kinds.engine_of(spec).packages
    return version(packages[0]) if packages else ""


def _write(group: Any, variables: dict[str, Variable], axes: dict[str, np.ndarray]) -> None:
    """Write one group with the dimensions that its variables have."""
    import h5py

    group.dimensions = {axis: len(along) for axis, along in axes.items()}
    for axis, along in axes.items():
        kind = h5py.string_dtype() if along.dtype == object else np.int64
        group.create_variable(axis, (axis,), dtype=kind, data=along)
    for name, (dims, values) in variables.items():
        # NetCDF has no booleans: bytes, as xarray writes them.
        if values.dtype == object:
            group.create_variable(name, dims, dtype=h5py.string_dtype(), data=values)
            continue
        flag = values.dtype == np.bool_
        array = values.astype(np.int8) if flag else values
        group.create_variable(name, dims, data=array, compression="gzip", compression_opts=1)
        if flag:
            group[name].attrs["dtype"] = "bool"
