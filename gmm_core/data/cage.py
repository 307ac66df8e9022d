"""Reads a stranger's file in a process of its own, with little memory, time and nothing to write.

A file can be made to break the program that reads it: to unpack to gigabytes, to compute for hours,
to crash a library. What happens to the child is a sentence here. It answers in JSON and plain
numbers, so that a child in a stranger's hands cannot hand back code.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import fields
from typing import Any

import numpy as np

from gmm_core.data.formats import FORMATS, File
from gmm_core.data.reading_here import read_here
from gmm_core.data.source import MAX_BYTES
from gmm_core.data.table import Reading

SECONDS = 5.0
"""Of computing, beside what it takes to start; a table of 50 MB takes two."""

MEMORY = 3 * 2**30
"""Bytes of addresses, of which the libraries take a third without using them."""

NUMBERS = 10_000_000
"""Numbers of a table that are kept: a million rows of ten columns."""

COMMAND = ["-m", "gmm_core.data.caged"]

_PATIENCE = 60.0  # seconds on a clock: others compute, too
_AT_ONCE = threading.BoundedSemaphore(2)  # each may take as much memory as it is allowed
_OURS = "gmm_core."
_ARRAYS = ("values", "texts")


def read_table(
    data: bytes, filename: str = "", sheet: str | None = None, most: int | None = NUMBERS
) -> Reading:
    """Read a file as `read_here` does, in a child.

    Parameters
    ----------
    most : numbers of a table that are accepted; None for as many as its format may have.

    Raises
    ------
    ValueError
        As `read_here` does; or when the file makes its reader crash, compute for longer
        than `SECONDS`, or need more than `MEMORY`.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"The file has {len(data) / 2**20:,.1f} MB, but at most {MAX_BYTES / 2**20:,.0f} MB "
            "are accepted. Save fewer columns, take a sample of the rows, or save it as Parquet."
        )
    file = File(data, filename, sheet)
    if any(one.recognises(file) for one in FORMATS if not one.read.__module__.startswith(_OURS)):
        return read_here(file)  # of a format that only this process knows
    request = json.dumps({"filename": filename, "sheet": sheet, "most": most}).encode() + b"\n"
    with _AT_ONCE:
        try:
            # The path of modules is this process's; the environment, with its secrets, is not.
            done = subprocess.run(
                [sys.executable, *COMMAND],
                input=request + data,
                capture_output=True,
                timeout=_PATIENCE,
                env={
                    "PYTHONPATH": ":".join(path for path in sys.path if path),
                    # Threads take addresses, and would fight.
                    **dict.fromkeys(
                        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"), "1"
                    ),
                    "ARROW_DEFAULT_MEMORY_POOL": "system",
                    "MALLOC_ARENA_MAX": "2",
                },
            )
        except subprocess.TimeoutExpired:
            raise ValueError(_TOO_LONG) from None
    return _answer(done)


_SIMPLER = "Save the table again as CSV with fewer rows or columns, and choose that."
_TOO_LONG = f"The file takes more than {SECONDS:g} s to be read, and was given up. {_SIMPLER}"


def _answer(done: subprocess.CompletedProcess[bytes]) -> Reading:
    head, _, rest = done.stdout.partition(b"\n")
    try:
        header = json.loads(head)
    except ValueError:
        header = {}
    if done.returncode == 0 and "reading" in header:
        return _unpack(header, rest)
    if header.get("refused"):
        raise ValueError(str(header["refused"]))
    if header.get("memory"):
        raise ValueError(f"The file needs more memory to be read than it may have. {_SIMPLER}")
    if done.returncode in (-24, -9):  # SIGXCPU, and SIGKILL where that was not heard
        raise ValueError(_TOO_LONG)
    raise ValueError(
        f"The file cannot be read: it made its reader end. It is damaged, or not what it looks "
        f"like. {_SIMPLER}"
    )


def pack(read: Reading) -> bytes:
    """Write a reading as a line of JSON and the numbers of its table."""
    plain: dict[str, Any] = {
        f.name: getattr(read, f.name) for f in fields(Reading) if f.name not in _ARRAYS
    }
    texts = {name: [str(cell) for cell in cells] for name, cells in read.texts.items()}
    header = {"reading": plain, "texts": texts, "shape": read.values.shape}
    return json.dumps(header).encode() + b"\n" + np.ascontiguousarray(read.values).tobytes()


def _unpack(header: dict[str, Any], rest: bytes) -> Reading:
    n, d = (int(size) for size in header["shape"])
    values = np.frombuffer(rest, dtype=np.float64).reshape(n, d)
    plain = dict(header["reading"])
    for name in ("columns", "default", "other_sheets", "notes"):
        plain[name] = tuple(plain[name])
    plain["left_out"] = tuple((str(a), str(b)) for a, b in plain["left_out"])
    plain["unread"] = tuple((int(r), str(c), str(t)) for r, c, t in plain["unread"])
    text = np.dtypes.StringDType()
    texts = {name: np.array(cells, dtype=text) for name, cells in header["texts"].items()}
    return Reading(values=values, texts=texts, **plain)
