"""From a file to a dataset, saying in numbers what was read and what was left out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, get_args, overload

from gmm_core.data import cage
from gmm_core.data.dataset import Dataset, Missing
from gmm_core.data.formats import File, recognise
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.data.reading_here import read_here
from gmm_core.data.source import Source, read_bytes
from gmm_core.data.table import Reading
from gmm_core.formatting import listing


def read_table(source: Source, *, name: str | None = None, sheet: str | None = None) -> Reading:
    """Read a file and say what stands in it, without making a dataset yet.

    Parameters
    ----------
    source : path, the bytes of a file, or a binary file; read from its beginning.
    name : what to call the data; None for the file's name without its ending.
    sheet : of a workbook with several; None for the first that has a column of numbers.

    Raises
    ------
    ValueError
        When the file does not exist, is empty, larger than 50 MB, of no known format (CSV with any
        usual delimiter, Parquet, Excel, OpenDocument, JSON), damaged, or has no column of numbers.
    """
    data, filename = read_bytes(source)
    file = File(data, filename, sheet)
    if not recognise(file).caged:
        return read_here(file, name)
    reading = cage.read_table(data, filename, sheet, most=None)
    return reading if name is None else replace(reading, name=name)


@overload
def read_dataset(
    source: Source,
    *,
    columns: str | Sequence[str] | None = None,
    name: str | None = None,
    weights: str | None = None,
    classes: str | None = None,
    missing: Missing = "drop",
    transforms: Mapping[str, str] | None = None,
    partitioned: Literal[False] = False,
) -> Dataset: ...
@overload
def read_dataset(
    source: Source,
    *,
    columns: str | Sequence[str] | None = None,
    name: str | None = None,
    weights: str | None = None,
    classes: str | None = None,
    missing: Missing = "drop",
    transforms: Mapping[str, str] | None = None,
    partitioned: Literal[True],
) -> PartitionedDataset: ...
def read_dataset(
    source: Source,
    *,
    columns: str | Sequence[str] | None = None,
    name: str | None = None,
    weights: str | None = None,
    classes: str | None = None,
    missing: Missing = "drop",
    transforms: Mapping[str, str] | None = None,
    partitioned: bool = False,
) -> Dataset | PartitionedDataset:
    """Read a dataset from a CSV, Parquet, Excel, OpenDocument or JSON file.

    The delimiter, the decimal sign and the header of text are detected.

    Parameters
    ----------
    source : path, the bytes of a file, or a binary file.
    columns : which columns of numbers; None for all that are more than half filled, without row
        numbers.
    name : of the dataset; None for the file's name without its ending.
    weights, classes, missing, transforms : as in `Reading.dataset`.
    partitioned : only refer to the data, which workers read: Parquet files, by an address of
        fsspec, such as a folder, "folder/*.parquet" or "s3://bucket/folder".

    Returns
    -------
    A dataset of [N, D]; `read_table` says what was left out. Or a `PartitionedDataset`.

    Raises
    ------
    ValueError
        As `read_table` and `Reading.dataset` say.
    """
    if partitioned:
        if transforms:
            raise ValueError(
                f"Transforms of {listing(transforms)} came for data in partitions, whose rows are "
                "fitted as they are. Write the transformed columns into the files."
            )
        return _partitioned(source, columns, name, weights, classes, missing)
    table = read_table(source, name=name)
    return table.dataset(
        columns, missing=missing, weights=weights, classes=classes, transforms=transforms
    )


def _partitioned(
    source: Source,
    columns: str | Sequence[str] | None,
    name: str | None,
    weights: str | None,
    classes: str | None,
    missing: Missing,
) -> PartitionedDataset:
    """Refer to data in partitions."""
    if not isinstance(source, str | os.PathLike):
        raise ValueError("Data in partitions is read by its address. Give a path or a URL.")
    if missing not in get_args(Missing):
        raise ValueError(
            f'missing = {missing!r} came, but "drop", "keep" or "refuse" was expected.'
        )
    return PartitionedDataset.of(os.fspath(source), columns, name, weights, classes, missing)
