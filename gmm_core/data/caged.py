"""The child of `cage`: takes its limits, reads one file from its input, and answers."""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Read what stands in the input, after a line that says what is asked."""
    import resource

    import pyarrow.parquet  # noqa: F401  (before the limits count)

    from gmm_core.data import cage
    from gmm_core.data.formats import File
    from gmm_core.data.reading_here import read_here
    from gmm_core.data.table import Reading

    seconds = int(sum(os.times()[:2]) + cage.SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (cage.MEMORY, cage.MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    request = json.loads(sys.stdin.buffer.readline())
    try:
        reading: Reading = read_here(
            File(sys.stdin.buffer.read(), request["filename"], request["sheet"])
        )
        most = request["most"]
        if most is not None and reading.values.size > most:
            raise ValueError(
                f"The table has {reading.n_rows:,} rows of {len(reading.columns):,} columns of "
                f"numbers, but at most {most:,} numbers are accepted here. Save fewer "
                "columns, or take a sample of the rows."
            )
        answer = cage.pack(reading)
    except ValueError as error:
        answer = _short(error)
    except MemoryError:
        answer = json.dumps({"memory": True}).encode()
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    os._exit(0)  # what a library does as it ends is of no interest


def _short(error: ValueError) -> bytes:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return json.dumps({"memory": True}).encode()
        cause = cause.__cause__
    return json.dumps({"refused": str(error)}).encode()


if __name__ == "__main__":
    main()
