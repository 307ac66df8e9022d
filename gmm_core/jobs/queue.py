"""Whose run is next: turns between people, so that one who asks for much holds up nobody.

Dask starts tasks in the order in which it gets them. So it gets only as many as there are workers,
and this queue keeps the rest. It knows nothing of Dask, threads or time: the service holds a lock
around it and says what ended.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass
class _Entry:
    """A run with parts that wait or are given."""

    key: str
    owners: list[str]
    waiting: deque[int]
    long: bool = False
    given: dict[int, str] = field(default_factory=dict)  # part -> whose turn it took
    by: str | None = None  # whose turn started it


class FairQueue:
    """Parts of runs, given out owner by owner.

    Next is the owner with the fewest parts given at the moment; among equals the one whose last
    turn is longest ago. Who comes anew joins at the present turn: before whoever had it,
    behind all who have waited for longer. An
    owner's own runs start in the order in which they were asked for, except that a long one which
    may not start yet is passed by short ones, and a run that several people asked for starts at the
    first turn of any of them.

    Parameters
    ----------
    running : runs that may be started for one owner at the same time; 0 for any number.
    """

    def __init__(self, running: int = 0) -> None:
        self.running = running
        self._entries: dict[str, _Entry] = {}
        self._turns: dict[str, float] = {}  # a newcomer's lies just before the last one given
        self._turn = 0
        self._positions: dict[str, int] | None = None

    def add(self, key: str, owners: list[str], parts: list[int], long: bool = False) -> None:
        """Queue the parts of a run; each run has a key of its own."""
        for owner in owners:
            self._turns.setdefault(owner, self._turn - 0.5)
        self._entries[key] = _Entry(key, list(owners), deque(parts), long)
        self._positions = None

    def lengthen(self, key: str) -> None:
        """Count a run among the long ones from now on: it takes longer than was thought."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.long = True

    def join(self, key: str, owner: str) -> None:
        """Let another owner's turns count for a run too."""
        entry = self._entries.get(key)
        if entry is not None and owner not in entry.owners:
            self._turns.setdefault(owner, self._turn - 0.5)
            entry.owners.append(owner)
            self._positions = None

    def next(self, room: int | None = None) -> tuple[str, int] | None:
        """Give out the part whose turn it is: its run's key, and part. None when none may start.

        Parameters
        ----------
        room : how many parts of long runs may be given at the same time; None for any number.
        """
        charged = self._charged()
        best: tuple[int, float] | None = None
        chosen: tuple[str, _Entry] | None = None
        for owner, entry in self._heads(room is not None and self.given_long >= room).items():
            rank = (charged[owner], self._turns.get(owner, 0))
            if best is None or rank < best:
                best, chosen = rank, (owner, entry)
        if chosen is None:
            return None
        owner, entry = chosen
        part = entry.waiting.popleft()
        entry.given[part] = owner
        entry.by = entry.by or owner
        self._turn += 1
        self._turns[owner] = self._turn
        self._positions = None
        return entry.key, part

    def put_back(self, key: str, part: int) -> None:
        """Queue a part again that was given and lost, ahead of the run's others."""
        entry = self._entries.get(key)
        if entry is not None and entry.given.pop(part, None) is not None:
            entry.waiting.appendleft(part)
            self._positions = None

    def done(self, key: str, part: int) -> None:
        """Say that a part which was given has ended."""
        entry = self._entries.get(key)
        if entry is not None and entry.given.pop(part, None) is not None:
            self._positions = None

    def remove(self, key: str) -> None:
        """Say that a run is over, whatever of it waits or is given."""
        if self._entries.pop(key, None) is not None:
            self._positions = None
            # A turn counts only against those who are here: nobody is kept in mind for ever.
            here = {owner for entry in self._entries.values() for owner in entry.owners}
            if len(self._turns) > 1000:
                self._turns = {o: turn for o, turn in self._turns.items() if o in here}

    @property
    def given(self) -> int:
        """Number of parts that are given and have not ended."""
        return sum(len(entry.given) for entry in self._entries.values())

    @property
    def given_long(self) -> int:
        """Number of parts of long runs among them."""
        return sum(len(entry.given) for entry in self._entries.values() if entry.long)

    def position(self, key: str) -> int:
        """Count the waiting runs that start before this one; 0 for the next, and for one begun."""
        if self._positions is None:
            self._positions = self._order()
        return self._positions.get(key, 0)

    def _charged(self) -> Counter[str]:
        return Counter(owner for entry in self._entries.values() for owner in entry.given.values())

    def _heads(self, short: bool = False) -> dict[str, _Entry]:
        """Return the run that each owner's turn would go to; with `short` only short ones."""
        started = Counter(entry.by for entry in self._entries.values() if entry.by is not None)
        heads: dict[str, _Entry] = {}
        for entry in self._entries.values():
            if not entry.waiting or (short and entry.long):
                continue
            for owner in entry.owners:
                full = 0 < self.running <= started[owner]
                if owner not in heads and (entry.by is not None or not full):
                    heads[owner] = entry
        return heads

    def _order(self) -> dict[str, int]:
        """Play the turns to come, as if nothing that runs would end."""
        charged = self._charged()
        lines: dict[str, deque[_Entry]] = {}
        left = {entry.key: len(entry.waiting) for entry in self._entries.values()}
        for entry in self._entries.values():
            for owner in entry.owners:
                if entry.waiting:
                    lines.setdefault(owner, deque()).append(entry)
        # Who has had no turn yet comes in the order of asking, as in `next`.
        heap = [
            (charged[owner], self._turns.get(owner, 0), i, owner) for i, owner in enumerate(lines)
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
