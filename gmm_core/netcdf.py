"""The draws of a posterior as a NetCDF file that ArviZ opens.

Groups and names are those of the InferenceData schema
(https://python.arviz.org/en/stable/schema/schema.html): posterior, sample_stats, observed_data.
"""

from __future__ import annotations

import io
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_core.results import Posterior

if TYPE_CHECKING:
    from gmm_core.specification import Specification

# Ours, the schema's.
_STATS = {
    "log_joint": "lp",
    "diverging": "diverging",
    "tree_depth": "tree_depth",
    "energy": "energy",
    "acceptance": "acceptance_rate",
}


def draws_netcdf(spec: Specification, posterior: Posterior) -> bytes:
    """Write draws, sampler statistics and data as NetCDF 4; `arviz.from_netcdf` opens it.

    Variables of "posterior": weights (chain, draw, component), locs (.., component, column),
    scale (standard deviations, as locs) and scale_tril (.., column, column_bis), in the units of
    the data. The run's specification stands in the file's attributes.

    Raises
    ------
    ValueError
        When the posterior is of other data than the specification.
    """
    # Loaded when it is needed: the file library costs a tenth of a second.
    import h5netcdf

    data = spec.dataset
    C, S, K, D = posterior.draws["locs"].shape
    if len(data.columns) != D:
        raise ValueError(
            f"The draws have D = {D} columns, but the data has {len(data.columns)}. "
            "Give the specification that they were drawn for."
        )
    factors = posterior.draws["scale_tril"]
    draws = posterior.draws | {"scale": np.sqrt(np.einsum("...ij,...ij->...i", factors, factors))}
    axes = {
        "chain": np.arange(C),
        "draw": np.arange(S),
        "component": np.arange(1, K + 1),
        "column": np.array(data.columns, dtype=object),
        "column_bis": np.array(data.columns, dtype=object),
        "point": np.arange(len(data.values)),
    }
    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        file.attrs["specification"] = spec.to_json()
        groups: dict[str, dict[str, tuple[tuple[str, ...], np.ndarray]]] = {
            "posterior": {
                name: (("chain", "draw", *_AXES[name]), draws[name])
                for name in ("weights", "locs", "scale", "scale_tril")
            },
            "sample_stats": {
                theirs: (("chain", "draw"), posterior.stats[ours])
                for ours, theirs in _STATS.items()
                if ours in posterior.stats
            },
            "observed_data": {"obs": (("point", "column"), data.values)},
        }
        steps = np.broadcast_to(posterior.stats["step_size"][:, None], (C, S))
        groups["sample_stats"]["step_size"] = (("chain", "draw"), steps)
        for name, variables in groups.items():
            _write(file.create_group(name), variables, axes)
            file[name].attrs.update(
                {
                    "inference_library": spec.engine,
                    "inference_library_version": version(_PACKAGES[spec.engine]),
                    "creation_library": "Mixture Explorer",
                    "tuning_steps": int(getattr(spec.options, "warmup", 0)),
                    "labels": json.dumps({"component": "raw, as drawn"}),
                }
            )
    return buffer.getvalue()


_AXES: dict[str, tuple[str, ...]] = {
    "weights": ("component",),
    "locs": ("component", "column"),
    "scale": ("component", "column"),
    "scale_tril": ("component", "column", "column_bis"),
}
_PACKAGES = {"nutpie": "nutpie", "pyro": "pyro-ppl"}


def _write(
    group: Any,
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]],
    axes: dict[str, np.ndarray],
) -> None:
    """Write one group with the dimensions that its variables have."""
    import h5py

    used = dict.fromkeys(axis for dims, _ in variables.values() for axis in dims)
    group.dimensions = {axis: len(axes[axis]) for axis in used}
    for axis in used:
        names = axes[axis]
        kind = h5py.string_dtype() if names.dtype == object else np.int64
        group.create_variable(axis, (axis,), dtype=kind, data=names)
    for name, (dims, values) in variables.items():
        # NetCDF has no booleans: bytes, as xarray writes them.
        flag = values.dtype == np.bool_
        array = values.astype(np.int8) if flag else values
        group.create_variable(name, dims, data=array, compression="gzip", compression_opts=1)
        if flag:
            group[name].attrs["dtype"] = "bool"
