"""A stranger beside the crowd: another cookie each time, the largest runs, and files that burst."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from fuzz.corpus import HEAVY
from websockets.exceptions import WebSocketException

from .client import GaveUpError, Person

ADDRESS = "127.0.0.9"  # not where the crowd comes from, as a stranger does
BOMBS = {
    "CSV of 25 million rows": "rows.csv",
    "Excel of 3 GB of zeros": "zeros.xlsx",
    "JSON of 24 million numbers": "numbers.json",
    "Parquet with a page of 2 GB": "page.parquet",
    "Excel of 300 MB of rows": "rows.xlsx",
    "gzip of zeros": "zeros.csv.gz",
}
# As much as the settings take; what the server takes of it is its own affair.
LONGEST_FIT = {"map.restarts": 1000, "map.steps": 20_000, "map.choose": "Smallest final loss"}
LONGEST_SAMPLING = {"posterior.draws": 20_000, "posterior.warmup": 20_000, "posterior.chains": 32}
PATIENCE = 30.0  # seconds until a stranger turns to something else
PAUSE = 3.0  # seconds between two visits
Bomb = tuple[str, bytes]


def bombs() -> list[Bomb]:
    """Build the files, each with its name."""
    return [(name, HEAVY[what]()) for what, name in BOMBS.items()]


async def stay(url: str, seconds: float, files: Sequence[Bomb], did: Counter[str]) -> None:
    """Come again and again for so long, and count in `did` what was done and what was refused."""
    until = time.monotonic() + seconds
    for number, bomb in zip(itertools.count(1), itertools.cycle(files), strict=False):
        if time.monotonic() >= until:
            break
        person = Person(url, [], address=ADDRESS)
        with suppress(WebSocketException, OSError):
            try:
                await _visit(person, number, bomb, did)
            except GaveUpError:
                did["turned away"] += 1
            await person.leave()
        await asyncio.sleep(min(PAUSE, max(0.0, until - time.monotonic())))


async def _visit(person: Person, number: int, bomb: Bomb, did: Counter[str]) -> None:
    await person.open("fit")
    await person.until(lambda: person.has("map.first_seed"), "the page", PATIENCE)
    # Own seeds: what was computed before would only be found.
    await _ask(person, n_components=2, **{"map.first_seed": 10**8 + number})
    await _ask(person, "start_map", **{"map.engine": "Pyro, the reference"}, **LONGEST_FIT)
    did["fit"] += 1
    begun = person.begun
    await person.go_to("posterior")
    await person.until(
        lambda: person.begun > begun and all(map(person.has, LONGEST_SAMPLING)),
        "the page",
        PATIENCE,
    )
    await _ask(person, "start_posterior", **LONGEST_SAMPLING)
    did["posterior"] += 1
    await person.go_to("data")
    await person.until(lambda: person.has("upload"), "the page", PATIENCE)
    begun = person.begun
    await person.upload("upload", *bomb)
    await person.until(lambda: person.begun > begun, "the page", PATIENCE)
    did["upload"] += 1


async def _ask(person: Person, start: str = "", **values: object) -> None:
    """Set widgets, and press the button where a run is so long that it waits for one."""
    begun = person.begun
    await person.set(**values)
    await person.until(lambda: person.begun > begun, "the page", PATIENCE)
    if start:
        with suppress(GaveUpError):  # refused, or begun by itself
            await person.until(lambda: person.has(start), "the button", PATIENCE)
            await person.press(start)
            begun = person.begun
            await person.until(lambda: person.begun > begun, "the page", PATIENCE)
