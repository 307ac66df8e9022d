"""Reads files in a process of its own, with little memory, and tells how each was answered.

Arguments: "heavy", or "seeded", the first seed and how many. One line of JSON per file, written
before the file is read and after it: a process that dies leaves the name of the file it died of.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

MEMORY = 4 * 1024**3
"""Address space of the process; the file itself, up to 50 MB, and the libraries are in it."""


def answer(content: bytes) -> dict[str, object]:
    """Read one file as the page does, and say what came of it."""
    from gmm_core.reading import read_dataset, read_table

    began = time.process_time()  # of all threads: others on this machine do not count
    said, outcome = "", "read"
    try:
        read_table(content).sentences()
        read_dataset(content)
    except ValueError as error:
        said, outcome = str(error), "refused"
    except BaseException as error:
        said, outcome = f"{type(error).__name__}: {error}"[:300], "crashed"
    return {"seconds": time.process_time() - began, "outcome": outcome, "said": said}


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
        found = answer(content)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        tell({"name": name, "grown": highest() - base, **found})


if __name__ == "__main__":
    main()
