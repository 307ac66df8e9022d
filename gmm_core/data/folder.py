"""A folder of tables that an administrator names: what lies there, and nothing beyond it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gmm_core.data import cage
from gmm_core.data.dataset import Missing
from gmm_core.data.formats import File, endings, recognise
from gmm_core.data.partitioned import PartitionedDataset
from gmm_core.data.pieces import ENDING, footers, opened
from gmm_core.data.reading_here import read_here
from gmm_core.data.source import MAX_BYTES
from gmm_core.data.table import Reading
from gmm_core.data.values import MAX_POINTS

DEPTH = 4
"""Folders below the named one that are looked into."""

MOST = 500
"""Tables that are listed."""

_HEAD = 2**16  # bytes of a text that its columns are read from


@dataclass(frozen=True)
class Entry:
    """A table: a file, or the Parquet files of a folder.

    Attributes
    ----------
    name : its path in the folder; of several files a pattern, "folder/*.parquet".
    bytes : on the disk.
    columns, rows : None where only reading it all would tell.
    problem : why it cannot be read, in words; "" where it can.
    """

    name: str
    bytes: int
    columns: tuple[str, ...] | None = None
    rows: int | None = None
    problem: str = ""

    @property
    def large(self) -> bool:
        """Whether it is more than a page works on."""
        rows = self.rows or 0
        numbers = rows * len(self.columns or ())
        return self.bytes > MAX_BYTES or rows > MAX_POINTS or numbers > cage.NUMBERS


class Folder:
    """Tables behind an address.

    Parameters
    ----------
    address : a folder of this machine, or an address of fsspec.

    Raises
    ------
    ValueError
        When there is no such folder, or nothing answers at the address.
    """

    def __init__(self, address: str) -> None:
        self._files, root = opened(address)
        self._local = "file" in self._protocols
        self._root = os.path.realpath(root) if self._local else root.rstrip("/")
        self._scheme = "" if self._local else address.partition("://")[0] + "://"
        try:
            exists = self._files.isdir(self._root)
        except (OSError, ImportError, ValueError) as error:
            raise ValueError(
                f"The folder of shared data does not answer: {error or type(error).__name__}. Ask "
                "whoever runs this server."
            ) from error
        if not exists:
            raise ValueError(
                "The folder of shared data is not there. Ask whoever runs this server."
            )

    def entries(self) -> tuple[Entry, ...]:
        """List the tables, by name, `MOST` at most."""
        sizes = dict(sorted(self._walk()))
        together: dict[str, list[str]] = {}
        for name in sizes:
            folder = name.rpartition("/")[0]
            if folder and name.endswith(ENDING):
                together.setdefault(folder, []).append(name)
        of_many = {name for names in together.values() if len(names) > 1 for name in names}
        tables = {name: [name] for name in sizes if name not in of_many}
        for folder, names in together.items():
            if len(names) > 1:
                tables[f"{folder}/*{ENDING}"] = names
        return tuple(
            self._entry(name, tables[name], sum(sizes[path] for path in tables[name]))
            for name in sorted(tables)[:MOST]
        )

    def read(self, name: str, sheet: str | None = None) -> Reading:
        """Read a table that is small enough for a page.

        Raises
        ------
        ValueError
            When it lies outside of the folder, is not there, is too large, or cannot be read.
        """
        address = self.address(name)
        if "*" in name:
            return cage.read_table(self._joined(name), _title(name), sheet)
        _, path = opened(address)
        try:
            with self._files.open(path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise ValueError(f"{name} cannot be read: {error}. Choose another table.") from error
        return cage.read_table(content, _title(name), sheet)

    def partitioned(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        weights: str | None = None,
        classes: str | None = None,
        missing: Missing = "drop",
    ) -> PartitionedDataset:
        """Refer to a table of Parquet files, whose rows workers read; see `read_dataset`.

        Raises
        ------
        ValueError
            When it lies outside of the folder or is not there, or as `PartitionedDataset.of` says.
        """
        address = self.address(name)
        if not name.endswith(ENDING):
            raise ValueError(
                f"{name} is no Parquet, which is read where it lies. Save it as Parquet."
            )
        files = [self.address(path) for path in self._together(name)] if "*" in name else [address]
        title = _title(name).removesuffix(ENDING)
        return PartitionedDataset.of(files, columns, title, weights, classes, missing)

    def address(self, name: str) -> str:
        """Return the address of a table in the folder.

        Raises
        ------
        ValueError
            When it would lie outside of the folder, by its name or by a link.
        """
        parts = name.replace("\\", "/").split("/")
        if not name or "://" in name or os.path.isabs(name) or "" in parts or ".." in parts:
            raise ValueError(
                f'"{name}" leads out of the folder of shared data. Give the name of a table in it.'
            )
        path = f"{self._root}/{'/'.join(parts)}"
        if self._local and not self._inside(path):
            raise ValueError(
                f'"{name}" is a link that leads out of the folder of shared data. Choose another '
                "table."
            )
        return self._scheme + path

    @property
    def _protocols(self) -> tuple[str, ...]:
        protocol = self._files.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def _inside(self, path: str) -> bool:
        """Whether a path of this machine stays in the folder when links are followed."""
        folder, last = os.path.split(path)
        whole = os.path.realpath(folder if "*" in last else path)
        return os.path.commonpath([whole, self._root]) == self._root

    def _walk(self) -> Iterator[tuple[str, int]]:
        """Go through the files of known endings: their names in the folder, and their sizes."""
        suffixes = tuple(f".{ending}" for ending in endings())
        if self._local:
            for folder, folders, files in os.walk(self._root):  # links to folders are not followed
                below = os.path.relpath(folder, self._root)
                if below.count("/") + (below != ".") >= DEPTH:
                    folders.clear()
                folders[:] = [subfolder for subfolder in folders if not subfolder.startswith(".")]
                for file in files:
                    path = os.path.join(folder, file)
                    plain = file.lower().endswith(suffixes) and not file.startswith(".")
                    if plain and self._inside(path) and os.path.isfile(path):
                        yield os.path.relpath(path, self._root), os.path.getsize(path)
            return
        entries = self._files.find(self._root, maxdepth=DEPTH + 1, detail=True)
        for path, about in entries.items():
            if path.lower().endswith(suffixes) and path.startswith(self._root + "/"):
                yield path[len(self._root) + 1 :], int(about.get("size") or 0)

    def _entry(self, name: str, files: Sequence[str], size: int) -> Entry:
        """Say of a table, which is one file or several, what its beginning tells."""
        try:
            if name.endswith(ENDING):
                about = list(self._footers(files).values())
                rows = sum(footer.num_rows for footer in about)
                return Entry(name, size, tuple(about[0].schema.to_arrow_schema().names), rows)
            _, path = opened(self.address(name))
            with self._files.open(path, "rb") as file:
                head = file.read(_HEAD)
        except (OSError, ValueError) as error:
            return Entry(name, size, problem=str(error))
        part = size > len(head)
        # The last line is not whole.
        beginning = File(head[: head.rfind(b"\n") + 1] if part else head, name)
        try:
            if recognise(beginning).caged:
                return Entry(name, size)
            reading = read_here(beginning)
        except ValueError as error:  # of a part that says nothing of the whole, the whole may
            return Entry(name, size, problem="" if part else str(error))
        columns = (*reading.columns, *reading.texts)
        return Entry(name, size, columns, None if part else reading.n_rows)

    def _footers(self, names: Iterable[str]) -> dict[str, Any]:
        """Return what Parquet files say of themselves, by their paths."""
        by_path: dict[str, Any] = {}
        for name in names:
            by_path |= footers(self.address(name))[1]
        return by_path

    def _together(self, name: str) -> list[str]:
        """Return the names of the Parquet files that are one table, "folder/*.parquet"."""
        folder = name.rpartition("/")[0]
        # Files that are links out of the folder are not among those that a walk meets.
        files = [
            path
            for path, _ in sorted(self._walk())
            if path.rpartition("/")[0] == folder and path.endswith(ENDING)
        ]
        if not files:
            raise ValueError(f"There are no Parquet files at {name}. Choose another table.")
        return files

    def _joined(self, name: str) -> bytes:
        """Return the Parquet files of a folder as one."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        by_path = self._footers(self._together(name))
        rows = sum(footer.num_rows for footer in by_path.values())
        size = sum(int(self._files.size(path)) for path in by_path)
        if size > MAX_BYTES or rows > MAX_POINTS:
            raise ValueError(
                f"The files have {rows:,} rows in {size / 2**20:,.1f} MB, but a page works on "
                f"{MAX_POINTS:,} rows and {MAX_BYTES / 2**20:,.0f} MB at most."
            )
        if len({tuple(sorted(footer.schema.names)) for footer in by_path.values()}) > 1:
            raise ValueError("The files disagree on their columns. Share them in other folders.")
        tables: list[Any] = []
        try:
            for path in by_path:
                with self._files.open(path, "rb") as file:
                    tables.append(pq.read_table(file))
            whole = pa.concat_tables(tables, promote_options="permissive")
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(
                f"The files cannot be read as one table: {error}. Their columns have to agree."
            ) from error
        content = io.BytesIO()
        pq.write_table(whole, content)
        return content.getvalue()


def _title(name: str) -> str:
    """Return what a table is called: the name of its file, or of the folder of its files."""
    folder, _, file = name.rpartition("/")
    return folder.rpartition("/")[2] + ENDING if "*" in file else file
