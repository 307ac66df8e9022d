"""Parquet: the numeric columns, after the footer has told their size.

A footer or a page that was made to break its reader ends the process: this is called in the child
of `gmm_core.data.cage`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gmm_core.data.formats.table import (
    MAX_CELLS,
    MAX_FILE_COLUMNS,
    RawTable,
    Unreadable,
    tidy_names,
    too_many_cells,
    too_many_rows,
    too_wide,
)
from gmm_core.data.values import MAX_POINTS


def read_parquet(data: bytes) -> RawTable:
    """Read the numeric columns of a Parquet file, after its footer has told their size."""
    import pyarrow as pa
    from pyarrow import parquet

    broken = (
        "The file begins like Parquet, but it cannot be read: it is cut off, damaged or encrypted. "
        "Write it again, or save the table as CSV."
    )
    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        n_rows, schema = file.metadata.num_rows, file.schema_arrow
    except Exception as error:
        raise Unreadable(broken) from error
    if n_rows > MAX_POINTS:
        raise too_many_rows(n_rows)
    if len(schema) > MAX_FILE_COLUMNS:
        raise too_wide(len(schema))
    if n_rows == 0 or len(schema) == 0:
        raise Unreadable(
            f"The Parquet file has {n_rows} rows and {len(schema)} columns. "
            "Choose a file with at least one row of numbers."
        )

    def numeric(kind: Any) -> bool:
        types = pa.types
        return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)

    chosen = [i for i, f in enumerate(schema) if numeric(f.type)]
    if n_rows * len(chosen) > MAX_CELLS:
        raise too_many_cells(n_rows * len(chosen))
    # Only numbers are read: a dictionary of long texts can unpack without bound.
    try:
        leaves = _leaves(file)
        read = file.reader.read_all(
            column_indices=[leaves[i] for i in chosen], use_threads=False
        ).columns
        columns = {
            i: np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
            for i, column in zip(chosen, read, strict=True)
        }
    except Exception as error:
        raise Unreadable(broken) from error
    if any(len(values) != n_rows for values in columns.values()):
        raise Unreadable(broken)
    cells = tuple(columns.get(i, _kind(f.type)) for i, f in enumerate(schema))
    return RawTable("Parquet", tidy_names(schema.names), cells, n_rows, header=True)


def _kind(kind: Any) -> str:
    """Name what a column that is not read holds."""
    import pyarrow as pa

    if pa.types.is_temporal(kind):
        return "dates"
    if pa.types.is_boolean(kind):
        return "true/false"
    return "lists" if pa.types.is_nested(kind) else "text"


def _leaves(file: Any) -> list[int]:
    """Position of each top-level column's first leaf among the file's column chunks."""
    leaves, position = [0], 0
    for f in file.schema_arrow:
        position += _leaf_count(f.type)
        leaves.append(position)
    return leaves


def _leaf_count(kind: Any) -> int:
    return sum(_leaf_count(kind.field(i).type) for i in range(kind.num_fields)) or 1
