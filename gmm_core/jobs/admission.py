"""Whether one more run may begin: of what size, and how many of one person wait already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gmm_core.jobs import limits
from gmm_core.store import LIVE, Store, Waiting

if TYPE_CHECKING:
    from gmm_core.runs.specification import Specification
    from gmm_core.settings import Settings

_ROOM = 0.9  # of what may be kept in all is left when room is made


def check(store: Store, settings: Settings, specification: Specification, owner: str) -> None:
    """Refuse what is too large, unless it is there or under way already.

    Raises
    ------
    ValueError
        With what was asked for, the limit and what to lower or to wait for.
    """
    try:
        state = store.state(specification.id).state
    except ValueError:
        state = None
    if state == "done" or state in LIVE:
        return
    limits.check_size(specification, settings.run_size)
    limits.check_numbers(specification, settings.run_numbers)
    _check_bytes(store, settings, owner)


def of_one_more(settings: Settings) -> Callable[[Waiting], None]:
    """Return what refuses one more run when too many of its owner, or from its place, wait.

    It raises a ValueError with their number and the limit.
    """

    def admit(waiting: Waiting) -> None:
        limits.check_waiting(waiting.of_owner, settings.queued_runs)
        limits.check_waiting_here(waiting.from_place, settings.queued_per_address)

    return admit


def _check_bytes(store: Store, settings: Settings, owner: str) -> None:
    if settings.keep_bytes:
        limits.check_bytes(store.kept_bytes(owner), settings.keep_bytes)
    most = settings.keep_bytes_all
    if most and store.kept_bytes() >= most:
        store.make_room(_ROOM * most)
        limits.check_bytes_in_all(store.kept_bytes(), most)
