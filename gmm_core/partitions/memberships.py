"""Which row of data in partitions belongs where, written as Parquet by the workers.

No row passes through the caller. Each worker reads a piece, and writes what a point of the mixture
says of its rows into a file of that piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.partitioned import PartitionedDataset, fingerprint
from gmm_core.data.pieces import ENDING, Content, Piece, opened
from gmm_core.mixture import Parameters, e_step
from gmm_core.partitions.doubt import chunks
from gmm_core.partitions.held import changed, connected, gathered
from gmm_core.runs.progress import OnProgress

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[np.float64]

_UNFINISHED = ".unfinished"
_OTHER_COLUMNS = 5  # beside the probabilities: file, row, component, its probability, log density
_CELL = 9  # bytes: a number, and whether it is there
_FOOTER = 1500  # bytes of a column in a file: names, statistics, encodings


@dataclass(frozen=True, eq=False)
class Memberships:
    """Memberships that were written as Parquet.

    Attributes
    ----------
    folder : where the files are; of a run its name in the folder of results (GMM_OUT).
    files : how many there are, one for each row group of the data.
    rows : how many they have, those that the fit leaves out included.
    assigned : [K], with noise [K + 1], of how many rows each component is the most probable.
    """

    folder: str
    files: int
    rows: int
    assigned: NDArray[np.int64]


def write_memberships(
    dataset: PartitionedDataset,
    parameters: Parameters,
    folder: str,
    *,
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[str, ...]:
    """Write for every row where it belongs and how probable it is, as Parquet, on the workers.

    Parameters
    ----------
    parameters : one point, such as `fit.parameters`.
    folder : an address of fsspec that the workers reach too; made where it is not there.
    client : of a Dask cluster; None for the one in use here, or else workers of this machine.
    on_progress : told how many partitions are written; raising `Cancelled` in it stops the writing.

    Returns
    -------
    The files' addresses, one for each row group of the data, in its order, with a row for each of
    its rows. Columns: "file" and "row" (from 1 in that file), "component" (the most probable, from
    1 in the order of `parameters`; 0 for noise), its "probability", "probability of component 1"
    and so on, and "log density". Empty where the fit leaves a row out. Files have their names once
    all are written.

    Raises
    ------
    ValueError
        When the columns of data and parameters differ in number, the folder has Parquet files
        already, a file of the data cannot be read, or one cannot be written.
    """
    write(dataset, parameters, folder, client=client, on_progress=on_progress)
    return _files(dataset, folder)


def write(
    dataset: PartitionedDataset,
    parameters: Parameters,
    folder: str,
    *,
    expected: str = "",
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> Memberships:
    """Write memberships as `write_memberships` does, and say what was written.

    Parameters
    ----------
    expected : the fingerprint of rows that alone are written, as files may have changed since; ""
        for any.

    Raises
    ------
    ValueError
        Also when the rows are not the expected ones.
    """
    D = parameters.locs.shape[-1]
    if parameters.lead or len(dataset.columns) != D:
        raise ValueError(
            f"The parameters have shape {parameters.locs.shape}, but one point in "
            f"{len(dataset.columns)} columns was expected. Give the parameters of a fit to them."
        )
    if parameters.noise is not None and parameters.box is None:
        raise ValueError(
            "The parameters have noise without its box, which no partition tells by itself. Give "
            "the parameters as a fit returns them."
        )
    filesystem, place = opened(folder)
    place = place.rstrip("/")
    try:
        filesystem.makedirs(place, exist_ok=True)
        existing = filesystem.glob(f"{place}/*{ENDING}")
    except (OSError, ValueError) as error:
        raise ValueError(f"The folder {folder} cannot be made: {error}. Name another.") from error
    if existing:
        raise ValueError(f"The folder {folder} has Parquet files already. Name a new one.")
    files = _files(dataset, folder)
    with connected(client) as workers:
        tasks = [
            workers.submit(_write, piece, first, parameters, file + _UNFINISHED, pure=False)
            for piece, first, file in zip(dataset.pieces, _first_rows(dataset), files, strict=True)
        ]
        try:
            written = gathered(workers, tasks, on_progress)
        except BaseException:
            workers.cancel(tasks)
            raise
    if expected and fingerprint(dataset, (digest for digest, _ in written)) != expected:
        raise changed(dataset.name)
    for file in files:
        filesystem.mv(file + _UNFINISHED, file)
    assigned = np.sum([counts for _, counts in written], axis=0)
    return Memberships(folder, len(files), dataset.rows, assigned)


def bytes_at_most(dataset: PartitionedDataset, parameters: Parameters) -> int:
    """Return what the files of memberships take at most, in bytes.

    Probabilities have few bits in common, so that nothing is gained by packing them; each column
    has eight bytes a row then, and its own part of the footer of each file.
    """
    columns = _OTHER_COLUMNS + parameters.every_weight.shape[-1]
    return columns * (_CELL * dataset.rows + _FOOTER * len(dataset.pieces))


def _files(dataset: PartitionedDataset, folder: str) -> tuple[str, ...]:
    """Return the addresses of the files, one for each piece."""
    scheme = folder.partition("://")[0] + "://" if "://" in folder else ""
    place = opened(folder)[1].rstrip("/")
    return tuple(f"{scheme}{place}/part-{i:05}{ENDING}" for i in range(len(dataset.pieces)))


def _first_rows(dataset: PartitionedDataset) -> Iterator[int]:
    """Go through the pieces: how many rows of its file stand before each."""
    before: dict[str, int] = {}
    for piece in dataset.pieces:
        yield before.get(piece.address, 0)
        before[piece.address] = before.get(piece.address, 0) + piece.rows


def _write(
    piece: Piece, first: int, point: Parameters, address: str
) -> tuple[str, NDArray[np.int64]]:
    """Write the memberships of a piece, whose file has `first` rows before it.

    Returns
    -------
    The digest of its content, and how many rows belong where [K], with noise [K + 1].
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content, n = piece.read(), piece.rows
    columns = dict(_columns(content, point))
    cells = {name: _spread(values, content.rows, n) for name, values in columns.items()}
    name = piece.address.rstrip("/").rpartition("/")[2]
    file = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int32)), [name])
    table = pa.table({"file": file, "row": np.arange(first + 1, first + n + 1), **cells})
    filesystem, path = opened(address)
    try:
        with filesystem.open(path, "wb") as target:
            pq.write_table(table, target)
    except OSError as error:
        raise ValueError(
            f"{address} cannot be written: {error}. Make room there, or name another folder."
        ) from error
    W = point.every_weight.shape[-1]
    # The noise, which is 0 in the file, stands behind the components.
    return content.digest, np.bincount((columns["component"] - 1) % W, minlength=W)


def _columns(content: Content, point: Parameters) -> Iterator[tuple[str, NDArray[Any]]]:
    """Go through the columns of a file: what the point says of the rows that are there."""
    K, n = len(point.weights), len(content.values)
    density, r = np.empty(n), np.empty((point.every_weight.shape[-1], n))
    for rows in chunks(n, K):
        density[rows], r[:, rows] = e_step(point, content.values[rows])
    best = r.argmax(axis=0)
    yield "component", np.where(best < K, best + 1, 0)
    yield "probability", r.max(axis=0, initial=0.0)
    yield from ((f"probability of component {k + 1}", r[k]) for k in range(K))
    if len(r) > K:
        yield "probability of noise", r[K]
    yield "log density", density


def _spread(values: NDArray[Any], rows: NDArray[np.int64], n: int) -> Any:
    """Return a column of n cells with values at some rows, and nothing at the others."""
    import pyarrow as pa

    cells, empty = np.zeros(n, dtype=values.dtype), np.ones(n, dtype=bool)
    cells[rows], empty[rows] = values, False
    return pa.array(cells, mask=empty)
