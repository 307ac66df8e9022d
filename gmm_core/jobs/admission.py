"""Whether one more run may begin: of what size, and how many of one person wait already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gmm_core.jobs import limits
from gmm_core.store import LIVE, Store

if TYPE_CHECKING:
    from gmm_core.runs.specification import Specification
    from gmm_core.settings import Settings

_ROOM = 0.9  # of what may be kept in all is left when room is made


def check(
    store: Store, settings: Settings, specification: Specification, owner: str, place: str
) -> None:
    """Refuse what is too much, unless it is there or under way already.

    Raises
    ------
    ValueError
        With what was asked for, the limit and what to lower or to wait for.
    """
    try:
        known = store.state(specification.id).state
    except ValueError:
        known = None
    if known == "done" or known in LIVE:
        return
    limits.check_size(specification, settings.run_size)
    limits.check_numbers(specification, settings.run_numbers)
    check_waiting(store, settings, owner)
    _check_bytes(store, settings, owner)
    if place and settings.queued_per_address:
        limits.check_waiting_here(store.waiting_from(place), settings.queued_per_address)


def check_waiting(store: Store, settings: Settings, owner: str) -> None:
    """Refuse one more run of a person who has too many waiting.

    Raises
    ------
    ValueError
        With their number and the limit.
    """
    if settings.queued_runs:
        waiting = sum(store.run_counts(owner, states=("queued",), checks=True).values())
        limits.check_waiting(waiting, settings.queued_runs)


def _check_bytes(store: Store, settings: Settings, owner: str) -> None:
    if settings.keep_bytes:
        limits.check_bytes(store.kept_bytes(owner), settings.keep_bytes)
    most = settings.keep_bytes_all
    if most and store.kept_bytes() >= most:
        store.make_room(_ROOM * most)
        limits.check_bytes_in_all(store.kept_bytes(), most)
