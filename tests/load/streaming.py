"""Frames that people get while as many fits run as there are people."""

from __future__ import annotations

import asyncio
import time

from .client import GaveUpError, Person

STEPS = 4_000  # of Pyro: longer than is watched
WATCHED = 20.0  # seconds


async def rates(url: str, people: int, errors: list[str], watched: float = WATCHED) -> list[float]:
    """Return the frames a second that each person gets of the loss of a fit of their own.

    Counted from when every fit has drawn, so that all of them run at once.
    """
    crowd = [Person(url, errors) for _ in range(people)]
    try:
        await asyncio.gather(*(_begin(person, i) for i, person in enumerate(crowd)))
        before = [person.frames["loss"] for person in crowd]
        began = time.monotonic()
        await asyncio.sleep(watched)
        seconds = time.monotonic() - began
        if not all(person.ticking for person in crowd):
            raise GaveUpError("a fit ended while it was watched: raise STEPS")
        frame_rates = [
            (person.frames["loss"] - first) / seconds
            for person, first in zip(crowd, before, strict=True)
        ]
        for person in crowd:
            await person.press("cancel_map")
        await asyncio.gather(
            *(p.until(lambda p=p: p.says("Cancelled"), "the end of a fit") for p in crowd)
        )
        return frame_rates
    finally:
        await asyncio.gather(*(person.leave() for person in crowd))


async def _begin(person: Person, i: int) -> None:
    """Start a long fit in Pyro, and wait until it is being drawn."""
    await person.open("fit")
    await person.until(lambda: person.says("Done in"), "the first screen")
    await person.set(
        **{
            "map.choose": "Smallest initial loss",
            "map.steps": STEPS,
            "map.engine": "Pyro, the reference",
            "map.first_seed": 10_000 + i,
        }
    )
    await person.until(lambda: person.has("start_map") or person.has("cancel_map"), "the run")
    if person.has("start_map"):  # it takes longer than what starts by itself
        await person.press("start_map")
        await person.until(lambda: person.has("cancel_map"), "the run")
    frames = person.frames["loss"]
    await person.until(lambda: person.frames["loss"] > frames + 1, "two frames")
