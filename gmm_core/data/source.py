"""The bytes of a file, wherever they come from; what is too large is refused before it is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Any

MAX_BYTES = 50 * 1024 * 1024
"""Size of a file, 50 MB as upload widgets count them: 10^6 rows x 3 columns of 15 characters, while
reading takes some ten times as much memory and several people may upload at once."""

Source = str | os.PathLike[str] | bytes | IO[bytes]


def read_bytes(source: Source) -> tuple[bytes, str]:
    """Get the bytes and the file name, refusing large files before they are read."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_bytes(len(source))
        return bytes(source), ""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            status = path.stat()
            # A device or a pipe would be read without end.
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{path} is not a file. Give the path of a file.")
            _check_bytes(status.st_size)
            return path.read_bytes(), path.name
        except OSError as error:
            raise ValueError(
                f"The file {path} cannot be read: {error.strerror or error}. Check the path."
            ) from error
    if not hasattr(source, "read"):
        raise ValueError(
            f"A {type(source).__name__} came, but a path or an open binary file was expected. "
            "For numbers in memory use Dataset.from_values."
        )
    name = getattr(source, "name", "")
    if getattr(source, "seekable", lambda: False)():
        source.seek(0)  # a page reads the same upload again on every run
    data: Any = source.read(MAX_BYTES + 1)
    if isinstance(data, str):
        data = data.encode()
    _check_bytes(len(data), exact=False)
    return bytes(data), Path(name).name if isinstance(name, str) else ""


def _check_bytes(size: int, *, exact: bool = True) -> None:
    if size > MAX_BYTES:
        described = f"has {size / 1024**2:,.1f} MB" if exact else "is larger"
        raise ValueError(
            f"The file {described}, but at most {MAX_BYTES / 1024**2:,.0f} MB are accepted. Save "
            "fewer columns, take a sample of the rows, or save it as Parquet, which is smaller."
        )
