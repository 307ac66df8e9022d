"""Measure the app under load and write the report: `make load`.

LOAD_SESSIONS people use it for LOAD_SECONDS seconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from . import screens, stranger, streaming
from .client import Person
from .mix import FIRST, Measured, crowd, everything
from .report import Found, text
from .server import Served, Usage, serving

HERE = Path(__file__).parent
# Seconds for which Streamlit keeps a session whose browser is gone.
TTL = float(os.environ.get("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", "120"))
WATCHERS = 8


def main() -> int:
    """Measure, write the report to the path given, and return how many errors there were."""
    people = int(os.environ.get("LOAD_SESSIONS", "50"))
    seconds = float(os.environ.get("LOAD_SECONDS", "600"))
    results = Found(people, seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder / "crowd") as served:
            print(f"{people} people for {seconds:.0f} s, and {2 * TTL:.0f} s around them …")
            asyncio.run(_crowd(served, results))
            print("First screens …")
            with serving(folder / "bare", HERE / "apps" / "bare.py") as bare:
                results.ours, results.bare = screens.medians(served.url, bare.url)
        print("Streaming …")
        with serving(folder / "streaming", settings={"GMM_WORKERS": str(WATCHERS)}) as served:
            asyncio.run(_streaming(served, results))
    report = text(results)
    Path(sys.argv[1]).write_text(report)
    print(report)
    return len(results.errors)


async def _crowd(served: Served, results: Found) -> None:
    warm = Measured()
    await everything(served.url, warm, FIRST)
    await _given_up(served)
    results.usage["start"] = served.usage()
    measured = results.measured
    files = await asyncio.to_thread(stranger.bombs)
    task = asyncio.create_task(crowd(served.url, results.people, results.seconds, measured))
    beside = asyncio.create_task(
        stranger.stay(served.url, results.seconds, files, results.stranger)
    )
    seen = [served.usage()]
    connected: dict[int, Usage] = {}
    while not task.done():
        await asyncio.wait([task], timeout=2)
        seen.append(await asyncio.to_thread(served.usage))
        connected[await asyncio.to_thread(served.sessions)] = seen[-1]
    await task
    await beside
    # The last look at the fullest house; people leave within seconds of each other.
    results.usage["end"] = connected[max(connected)]
    results.usage["peak"] = Usage(*(max(u[i] for u in seen) for i in range(3)))
    await _given_up(served)
    results.usage["after"] = served.usage()
    runs = served.runs()
    results.runs = len(runs)
    results.waits = [wait for kind, _, wait in runs if kind == "map" and wait is not None]
    failed = [f"a run of kind {kind} failed" for kind, state, _ in runs if state == "failed"]
    results.errors += [*warm.errors, *measured.errors, *failed, *served.complaints()]


async def _given_up(served: Served) -> None:
    """Wait until the sessions of who left are given up, which needs somebody else to leave."""
    await asyncio.sleep(TTL + 5)
    last = Person(served.url, [])
    await last.open("fit")
    await last.until(lambda: last.says("Done in"), "the first screen")
    await last.leave()
    await asyncio.sleep(25)  # in which the server gives free memory back
    # To be asked costs the server a thread; the threads that it no longer needs end then, too.
    await asyncio.to_thread(served.sessions)


async def _streaming(served: Served, results: Found) -> None:
    warm = Measured()
    await everything(served.url, warm)
    results.rates = await streaming.rates(served.url, WATCHERS, results.errors)
    results.errors += [*warm.errors, *served.complaints()]


if __name__ == "__main__":
    sys.exit(bool(main()))
