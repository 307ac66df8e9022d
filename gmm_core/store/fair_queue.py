"""Whose run is next: turns between people, so that one who asks for much holds up nobody.

Dask starts tasks in the order in which it gets them. So it gets only as many as there are workers,
and this queue keeps the rest. It is the rule alone and knows nothing of a database, threads or
time: `Queue` reads it from the store, lets one process at a time change it, and writes it back.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple


class Length(IntEnum):
    """How long a part of a run takes: no longer than others may wait for it, longer, or minutes."""

    SHORT, LONG, SLOW = range(3)


class Taker(NamedTuple):
    """Who takes parts.

    server : name of the web process.
    cluster : the workers that it gives them to; web processes may share them.
    program : fingerprint of its program: it takes no run that another version asked for.
    """

    server: str = ""
    cluster: str = ""
    program: str = ""


ANYBODY = Taker()


class Turn(NamedTuple):
    """Whose turn a part took, and who gave it to which workers."""

    owner: str
    server: str = ""
    cluster: str = ""


@dataclass
class Entry:
    """One attempt of a run, with parts that wait or are given.

    by : whose turn started it.
    stop : the end that somebody asked for: none of its parts is given any more.
    lost : how often a web process died that had given parts of it.
    """

    key: str
    owners: list[str]
    waiting: deque[int]
    length: Length = Length.SHORT
    given: dict[int, Turn] = field(default_factory=dict)
    by: str | None = None
    run_id: str = ""
    n_parts: int = 1
    program: str = ""
    stop: tuple[str, str] | None = None
    lost: int = 0

    @property
    def waits(self) -> bool:
        """Whether a part of it may be given."""
        return bool(self.waiting) and self.stop is None


class FairQueue:
    """Parts of runs, given out owner by owner.

    Next is the owner with the fewest parts given at the moment; among equals the one whose last
    turn is longest ago. Who comes anew joins at the present turn: before whoever had it, behind all
    who have waited for longer. An owner's own runs start in the order in which they were asked for,
    except that one which may not start yet, since it is long, is passed by shorter ones, and a run
    that several people asked for starts at the first turn of any of them.

    Parameters
    ----------
    running : runs that may be started for one owner at the same time; 0 for any number.
    turns : when each owner had the last turn, as a number that grows.
    """

    def __init__(self, running: int = 0, turns: dict[str, float] | None = None) -> None:
        self.running = running
        self.entries: dict[str, Entry] = {}
        self.turns = dict(turns or {})  # a newcomer's lies just before the last one given
        self._turn = max([0.0, *self.turns.values()])
        self._positions: dict[str, int] | None = None

    def add(
        self, key: str, owners: list[str], parts: list[int], length: Length = Length.SHORT
    ) -> None:
        """Queue the parts of a run; each attempt has a key of its own."""
        self.put(Entry(key, list(owners), deque(parts), length, n_parts=len(parts)))

    def put(self, entry: Entry) -> None:
        """Queue a run that may have begun."""
        for owner in entry.owners:
            self.turns.setdefault(owner, self._turn - 0.5)
        self.entries[entry.key] = entry
        self._positions = None

    def lengthen(self, key: str, length: Length) -> None:
        """Count a run among longer ones from now on: it takes longer than was thought."""
        if entry := self.entries.get(key):
            entry.length = max(entry.length, length)

    def stop(self, key: str, end: tuple[str, str]) -> None:
        """Give nothing more of a run; the first word counts."""
        if entry := self.entries.get(key):
            entry.stop = entry.stop or end
            self._positions = None

    def next(self, room: int | None = None, taker: Taker = ANYBODY) -> tuple[str, int] | None:
        """Give out the part whose turn it is: its run's key, and part. None when none may start.

        Parameters
        ----------
        room : how many parts of long runs may be given to the taker's workers at the same time;
            None for any number. Where there are three and more, slow ones leave a place of it to
            those that take seconds.
        """
        most = Length.SLOW
        if room is not None and self.n_given_long(taker.cluster) >= room:
            most = Length.SHORT
        elif room is not None and self.n_given_long(taker.cluster, Length.SLOW) >= max(2, room - 1):
            most = Length.LONG
        charged = self._charged()
        best: tuple[int, float] | None = None
        chosen: tuple[str, Entry] | None = None
        for owner, entry in self._heads(taker, most).items():
            rank = (charged[owner], self.turns.get(owner, 0.0))
            if best is None or rank < best:
                best, chosen = rank, (owner, entry)
        if chosen is None:
            return None
        owner, entry = chosen
        part = entry.waiting.popleft()
        entry.given[part] = Turn(owner, taker.server, taker.cluster)
        entry.by = entry.by or owner
        self._turn += 1
        self.turns[owner] = self._turn
        self._positions = None
        return entry.key, part

    def put_back(self, key: str, part: int) -> None:
        """Queue a part again that was given and lost, ahead of the run's others."""
        entry = self.entries.get(key)
        if entry is not None and entry.given.pop(part, None) is not None:
            entry.waiting.appendleft(part)
            self._positions = None

    def n_given(self, cluster: str | None = None) -> int:
        """Count the parts that are given, to these workers or to any, and have not ended."""
        return sum(map(len, self._turns_of(cluster)))

    def n_given_long(self, cluster: str | None = None, least: Length = Length.LONG) -> int:
        """Count the parts of runs of some length at least among them."""
        entries = self.entries.values()
        given = zip(entries, self._turns_of(cluster), strict=True)
        return sum(len(turns) for entry, turns in given if entry.length >= least)

    def position(self, key: str) -> int:
        """Count the waiting runs that start before this one; 0 for the next, and for one begun."""
        if self._positions is None:
            self._positions = self._order()
        return self._positions.get(key, 0)

    def owners(self) -> set[str]:
        """Return everybody who has asked for a run that is not over."""
        return {owner for entry in self.entries.values() for owner in entry.owners}

    def _turns_of(self, cluster: str | None) -> list[list[Turn]]:
        return [
            [turn for turn in entry.given.values() if cluster in (None, turn.cluster)]
            for entry in self.entries.values()
        ]

    def _charged(self) -> Counter[str]:
        turns_by_entry = (entry.given.values() for entry in self.entries.values())
        return Counter(turn.owner for turns in turns_by_entry for turn in turns)

    def _heads(self, taker: Taker, most: Length) -> dict[str, Entry]:
        """Return the run that each owner's turn would go to, of those that are no longer."""
        started = Counter(entry.by for entry in self.entries.values() if entry.by is not None)
        heads: dict[str, Entry] = {}
        for entry in self.entries.values():
            if not entry.waits or entry.length > most or entry.program != taker.program:
                continue
            for owner in entry.owners:
                full = 0 < self.running <= started[owner]
                if owner not in heads and (entry.by is not None or not full):
                    heads[owner] = entry
        return heads

    def _order(self) -> dict[str, int]:
        """Play the turns to come, as if nothing that runs would end."""
        charged = self._charged()
        lines: dict[str, deque[Entry]] = {}
        left = {entry.key: len(entry.waiting) for entry in self.entries.values()}
        for entry in self.entries.values():
            for owner in entry.owners:
                if entry.waits:
                    lines.setdefault(owner, deque()).append(entry)
        # Who has had no turn yet comes in the order of asking, as in `next`.
        heap = [
            (charged[owner], self.turns.get(owner, 0.0), i, owner) for i, owner in enumerate(lines)
        ]
        heapq.heapify(heap)
        turn = self._turn
        positions: dict[str, int] = {}
        while heap:
            count, _, i, owner = heapq.heappop(heap)
            line = lines[owner]
            while line and not left[line[0].key]:
                line.popleft()
            if not line:
                continue
            entry = line[0]
            if entry.by is None:
                positions.setdefault(entry.key, len(positions))
            left[entry.key] -= 1
            turn += 1
            heapq.heappush(heap, (count + 1, turn, i, owner))
        return positions
