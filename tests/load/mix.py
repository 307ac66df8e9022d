"""What people do at the dashboard: open it, move its slider, fit for longer, sample, look."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field

from .client import GaveUpError, Person

# How often a person does what. A slide is five moves of the slider; a person idles for longest.
SHARES = {"slide": 0.4, "open": 0.15, "fit": 0.06, "posterior": 0.06, "idle": 0.33}
PAUSE = 2.0  # seconds between two moves of a slider, in which one looks at the figure
THINK = (2.0, 8.0)  # seconds between two things that are done
IDLE = (15.0, 40.0)  # seconds
LONG_STEPS = 600  # of Pyro: three seconds on a quiet core
SHORT_DRAWS = 200
FIRST = 4  # people who come before it is measured, so that what is made once has been made
_APART = 100_000  # from the crowd's numbers to theirs: everybody's starts are their own


@dataclass
class Measured:
    """What came of it, in seconds.

    slides : from moving the slider to the new fit's figure.
    screens : from opening the page to the fit that it shows first.
    rates : frames a second of each longer fit while it was streamed.
    """

    slides: list[float] = field(default_factory=list)
    screens: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    bytes: int = 0


async def crowd(url: str, people: int, seconds: float, measured: Measured, seed: int = 0) -> None:
    """Let many people use the dashboard for so long; each comes within the first tenth of it."""
    until = time.monotonic() + seconds
    await asyncio.gather(
        *(
            _guarded(_visit(url, i, until, i * 0.1 * seconds / people, measured, seed), measured)
            for i in range(people)
        )
    )


async def everything(url: str, measured: Measured, people: int = 1) -> None:
    """Let people do each thing once, so that what is loaded once has been loaded.

    Several at once also fill the server's pools of threads, which grow to their size on demand.
    """
    await asyncio.gather(
        *(_guarded(_everything(url, i, measured), measured) for i in range(people))
    )


async def _everything(url: str, i: int, measured: Measured) -> None:
    visit = _Visit(url, _APART + i, measured, random.Random(-1 - i), 0.0)
    await visit.open()
    for what in SHARES:
        if what != "idle":
            await getattr(visit, what)()
    await visit.leave()


async def _visit(
    url: str, i: int, until: float, come: float, measured: Measured, seed: int
) -> None:
    rng = random.Random(1000 * seed + i)
    await asyncio.sleep(come)
    visit = _Visit(url, i + 1000 * seed + 1, measured, rng, until)
    await visit.open()
    try:
        while time.monotonic() < until:
            what = rng.choices(list(SHARES), list(SHARES.values()))[0]
            await getattr(visit, what)()
            measured.did[what] += 1
            await visit.think()
    finally:
        await visit.leave()


async def _guarded(visit: Awaitable[None], measured: Measured) -> None:
    try:
        await visit
    except GaveUpError as error:
        measured.errors.append(str(error))


class _Visit:
    """One person's stay: what is done is done to the end, as the page shows it."""

    def __init__(
        self, url: str, number: int, measured: Measured, rng: random.Random, until: float
    ) -> None:
        self.url = url
        self.measured = measured
        self.rng = rng
        self.number = number
        self.until = until
        self.visits = 0
        self.person = Person(url, measured.errors)

    async def open(self) -> None:
        """Open the page, anew when it is open, and choose a seed that nobody else has."""
        if self.visits:
            await self.leave()
            self.person = Person(self.url, self.measured.errors, self.person.cookie)
        self.visits += 1
        began = time.monotonic()
        await self.person.open("fit")
        shown = await self.person.until(lambda: self._done(0), "the first screen")
        self.measured.screens.append(shown - began)
        await self._set(**{"map.first_seed": 1000 * self.number + self.visits})

    async def leave(self) -> None:
        """Close the page."""
        self.measured.bytes += self.person.bytes
        await self.person.leave()

    async def slide(self) -> None:
        """Move the slider of K five times, and see each new figure."""
        for _ in range(5):
            now = self.person.value("n_components").double_array_value.data[0]
            K = self.rng.choice([k for k in range(1, 6) if k != now])  # five points bear no more
            began = time.monotonic()
            await self._set("density", n_components=K)
            self.measured.slides.append(self.person.changed_at["density"] - began)
            await asyncio.sleep(PAUSE)

    async def fit(self) -> None:
        """Fit in Pyro, watch it, and go back to the compiled engine."""
        await self._set(**{"map.choose": "Smallest initial loss", "map.steps": LONG_STEPS})
        frames = self.person.frames["loss"]
        began = time.monotonic()
        await self._set(**{"map.engine": "Pyro, the reference"})
        took = time.monotonic() - began
        self.measured.rates.append((self.person.frames["loss"] - frames) / took)
        usual = {"map.engine": "compiled", "map.choose": "Smallest final loss", "map.steps": 200}
        await self._set(**usual)

    async def posterior(self) -> None:
        """Draw a short posterior of one component, look at it, and go back."""
        await self._set("density", n_components=2)
        person, begun = self.person, self.person.begun
        await person.go_to("posterior")
        await person.until(
            lambda: person.begun > begun and person.has("posterior.warmup"), "the page"
        )
        short = {"posterior.draws": SHORT_DRAWS, "posterior.warmup": SHORT_DRAWS}
        await self._set("posterior_density", **short)
        begun = person.begun
        await person.go_to("fit")
        await person.until(lambda: self._done(begun) and person.has("n_components"), "the page")

    async def idle(self) -> None:
        """Look at the page for a while."""
        await self._pause(*IDLE)

    async def think(self) -> None:
        """Wonder what to do next."""
        await self._pause(*THINK)

    async def _pause(self, least: float, most: float) -> None:
        """Do nothing; nobody stays longer than the measurement."""
        left = max(0.0, self.until - time.monotonic())
        await asyncio.sleep(min(self.rng.uniform(least, most), left))

    async def _set(self, figure: str = "loss", **values: object) -> None:
        """Set widgets, and wait for the finished run of what they then say and for its figure.

        The figure is one that cannot be the same as before: other starts may find the same density.
        """
        person = self.person
        if not any(_differs(person, key, value) for key, value in values.items()):
            return
        moment, begun, run_id = time.monotonic(), person.begun, person.run_id
        await person.set(**values)

        def arrived() -> bool:
            redrawn = person.changed_at.get(figure, 0.0) > moment
            return redrawn and person.run_id != run_id and self._done(begun)

        await person.until(arrived, f"the figure of {values}")

    def _done(self, begun: int) -> bool:
        return self.person.says("Done in", after=begun)


def _differs(person: Person, key: str, value: object) -> bool:
    state = person.value(key)
    kind = str(state.WhichOneof("value"))
    held_value = getattr(state, kind)
    return (held_value.data[0] if kind == "double_array_value" else held_value) != value
