"""Parquet: the numeric columns, after the footer has told their size."""

from __future__ import annotations

from typing import Any

import numpy as np

from gmm_core.dataset import MAX_POINTS
from gmm_core.formats.table import (
    MAX_CELLS,
    MAX_FILE_COLUMNS,
    RawTable,
    Unreadable,
    tidy_names,
    too_many_cells,
    too_many_rows,
    too_wide,
)
from gmm_core.formats.thrift import page_sizes, schema_shape

MAX_FOOTER = 10_000_000
"""Bytes: 16,384 columns take some 4 MB with their statistics."""

MAX_DEPTH = 50
"""Groups within groups: data of nested programs has a handful."""

MAX_PAGES_UNPACKED = 20 * MAX_CELLS
"""Bytes: eight for each cell, and a dictionary of twelve more."""

MAX_PAGES = 100_000
"""Each costs some microseconds: 25 million cells have 25 thousand at a thousand cells a page."""


def read_parquet(data: bytes) -> RawTable:
    """Read the numeric columns of a Parquet file, after its footer has told their size."""
    import pyarrow as pa
    from pyarrow import parquet

    broken = (
        "The file begins like Parquet, but it cannot be read: it is cut off, damaged or encrypted. "
        "Write it again, or save the table as CSV."
    )
    _look_at_footer(data, broken)
    try:
        # The limits keep a forged footer from asking for gigabytes.
        file = parquet.ParquetFile(
            pa.BufferReader(data),
            thrift_string_size_limit=10_000_000,
            thrift_container_size_limit=1_000_000,
        )
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
    _look_at_pages(data, file, chosen, broken)
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


def _look_at_footer(data: bytes, broken: str) -> None:
    """Refuse a schema that a reader would follow until its stack is full."""
    length = int.from_bytes(data[-8:-4], "little")
    if data[-4:] != b"PAR1" or length + 12 > len(data):
        raise Unreadable(broken)
    if length > MAX_FOOTER:
        raise Unreadable(
            f"The Parquet file describes itself in {length / 1e6:,.0f} MB, but at most "
            f"{MAX_FOOTER / 1e6:,.0f} MB are read. Save fewer columns or larger row groups."
        )
    try:
        elements, depth = schema_shape(data[-8 - length : -8])
    except (ValueError, IndexError) as error:
        raise Unreadable(broken) from error
    if depth > MAX_DEPTH:
        raise Unreadable(
            f"The columns of the Parquet file are nested {depth:,} deep, but a table of numbers "
            "was expected. Save the numbers as plain columns."
        )
    if elements > 4 * MAX_FILE_COLUMNS:  # a list has three elements besides its own
        raise too_wide(elements)


def _look_at_pages(data: bytes, file: Any, chosen: list[int], broken: str) -> None:
    """Refuse pages that unpack to far more than their numbers take, before one is unpacked."""
    leaves = _leaves(file)
    unpacked = pages = 0
    try:
        for g in range(file.num_row_groups):
            group = file.metadata.row_group(g)
            for i in chosen:
                chunk = group.column(leaves[i])
                start = chunk.data_page_offset
                if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                    start = min(start, chunk.dictionary_page_offset)
                for size in page_sizes(data, start, start + chunk.total_compressed_size):
                    unpacked, pages = unpacked + size, pages + 1
                    if unpacked > MAX_PAGES_UNPACKED or pages > MAX_PAGES:
                        raise Unreadable(
                            "The Parquet file unpacks to far more than the numbers it promises, "
                            f"or to more than {MAX_PAGES:,} pages. Write it again, or save the "
                            "table as CSV."
                        )
    except (IndexError, OSError) as error:
        raise Unreadable(broken) from error
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(broken) from error


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
