"""Reads files in a process of its own, with little memory, and tells how each was answered.

Arguments: "heavy", or "seeded", the first seed and how many. One line of JSON per file, written
before the file is read and after it: a process that dies leaves the name of the file it died of.
A file whose reader is caged may end the fork in which it is read: `gmm_core.data.cage` makes a
sentence of it, which tests/data/test_cage.py holds.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from gmm_core.data import cage

MEMORY = 4 * 1024**3
"""Address space of the process; the file itself, up to 50 MB, and the libraries are in it."""


def answer(content: bytes) -> dict[str, object]:
    """Read one file, in a fork when it may end its process, and say what came of it."""
    from gmm_core.data.formats import File, recognise

    try:
        caged = recognise(File(content)).caged
    except ValueError:
        caged = False
    return in_a_fork(content) if caged else read(content)


def in_a_fork(content: bytes) -> dict[str, object]:
    """Read a file as the child of `gmm_core.data.cage` does, but without its start of a second."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + cage.SECONDS) + 1, -1))
        resource.setrlimit(resource.RLIMIT_AS, (cage.MEMORY, cage.MEMORY))
        os.write(writes, json.dumps(read(content)).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        output = pipe.read()
    os.waitpid(child, 0)
    return json.loads(output) if output else {"seconds": 0.0, "outcome": "ended", "said": ""}


def read(content: bytes) -> dict[str, object]:
    """Read one file in this process, and say what came of it."""
    from gmm_core.data.formats import File
    from gmm_core.data.reading_here import read_here

    began = time.process_time()  # of all threads: others on this machine do not count
    message, outcome = "", "read"
    try:
        reading = read_here(File(content))
        reading.sentences()
        reading.dataset()
    except MemoryError:
        outcome = "ended"
    except ValueError as error:
        message, outcome = str(error), "refused"
    except BaseException as error:
        message, outcome = f"{type(error).__name__}: {error}"[:300], "crashed"
    return {"seconds": time.process_time() - began, "outcome": outcome, "said": message}


def highest() -> int:
    """Return the most memory that this process has held since the mark was set, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def tell(line: dict[str, object]) -> None:
    """Write a line at once."""
    print(json.dumps(line), flush=True)


def main() -> None:
    """Answer every file that the arguments name."""
    from tests.fuzz import corpus

    kind, *numbers = sys.argv[1:]
    files = (
        corpus.heavy()
        if kind == "heavy"
        else ((n, lambda c=c: c) for n, c in corpus.seeded(*map(int, numbers)))
    )
    answer(b"a,b\n1,2\n")  # what is imported once is not the first file's time
    answer(corpus.SOUND[4])
    answer(corpus.SOUND[5])
    chosen = set(numbers)
    for name, build in files:
        if kind == "heavy" and chosen and name not in chosen:
            continue
        content = build()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
        Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
        base = highest()
        tell({"name": name, "bytes": len(content)})
        result = answer(content)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        tell({"name": name, "grown": highest() - base, **result})


if __name__ == "__main__":
    main()
