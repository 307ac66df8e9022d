"""Throttle between people: the queue itself, without workers."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gmm_core.store import FairQueue, Length


def filled(*runs, running=0):
    queue = FairQueue(running)
    for key, owner, n_parts in runs:
        queue.add(key, [owner], list(range(n_parts)))
    return queue


def done(queue, key, part):
    """What the store does when a part has ended."""
    del queue.entries[key].given[part]


def drained(queue):
    """Every part in its turn, each ending before the next is given."""
    order = []
    while (turn := queue.next()) is not None:
        order.append(turn)
        done(queue, *turn)
    return order


def test_owners_take_turns_and_their_own_runs_keep_their_order():
    queue = filled(("a1", "ann", 1), ("a2", "ann", 1), ("a3", "ann", 1), ("b1", "ben", 1))
    assert [key for key, _ in drained(queue)] == ["a1", "b1", "a2", "a3"]


def test_who_comes_late_is_next_while_another_has_many_waiting():
    queue = filled(*((f"a{i}", "ann", 1) for i in range(6)))
    assert [queue.next(), queue.next()] == [("a0", 0), ("a1", 0)]
    queue.add("b", ["ben"], [0])
    assert queue.position("b") == 0
    assert [queue.position(f"a{i}") for i in range(2, 6)] == [1, 2, 3, 4]
    done(queue, "a0", 0)
    assert queue.next() == ("b", 0)


def test_a_run_of_many_parts_does_not_hold_up_a_small_one():
    queue = filled(("sweep", "ann", 36), ("fit", "ben", 1))
    assert [queue.next()[0] for _ in range(3)] == ["sweep", "fit", "sweep"]


def test_limit_of_running_runs_holds_back_the_next_run_but_no_part_of_a_begun_one():
    queue = filled(("a", "ann", 2), ("b", "ann", 1), ("c", "ben", 1), running=1)
    given_ = [queue.next() for _ in range(4)]
    assert given_ == [("a", 0), ("c", 0), ("a", 1), None]
    done(queue, "a", 0)
    done(queue, "a", 1)
    assert queue.next() is None  # the run is not over before the service says so
    del queue.entries["a"]
    assert queue.next() == ("b", 0)


def test_a_run_that_two_asked_for_starts_at_the_first_turn_of_either():
    queue = filled(("a1", "ann", 1), ("a2", "ann", 1), ("shared", "ann", 1))
    queue.entries["shared"].owners.append("ben")
    queue.put(queue.entries["shared"])
    assert [key for key, _ in drained(queue)] == ["a1", "shared", "a2"]


def test_a_lost_part_is_given_again_first_and_a_removed_run_never():
    queue = filled(("a", "ann", 3), ("b", "ann", 1))
    assert queue.next() == ("a", 0)
    queue.put_back("a", 0)
    assert (queue.n_given(), queue.next()) == (0, ("a", 0))
    del queue.entries["a"]
    assert (queue.n_given(), queue.next(), queue.next()) == (0, ("b", 0), None)


def test_who_comes_anew_again_and_again_passes_nobody_who_waits():
    queue = filled(("a1", "ann", 1), ("a2", "ann", 1))
    assert queue.next() == ("a1", 0)
    done(queue, "a1", 0)
    passed = 0
    while True:  # a script that drops its cookie after each run
        queue.add(f"s{passed}", [f"stranger {passed}"], [0])
        turn = queue.next()
        done(queue, *turn)
        if turn == ("a2", 0):
            break
        passed += 1
    assert passed == 1


def test_long_runs_leave_room_and_short_ones_pass_them():
    queue = FairQueue()
    queue.add("long", ["ann"], [0, 1, 2], length=Length.LONG)
    queue.add("longer", ["ben"], [0], length=Length.LONG)
    assert [queue.next(1), queue.next(1)] == [("long", 0), None]
    queue.add("short", ["ann"], [0])
    assert queue.next(1) == ("short", 0)
    done(queue, "short", 0)
    done(queue, "long", 0)
    assert queue.next(1) == ("longer", 0)
    queue.add("slow", ["cat"], [0])
    queue.lengthen("slow", Length.LONG)  # it turned out to be long
    assert queue.next(1) is None


def test_runs_of_minutes_leave_a_place_to_those_of_seconds():
    """A stranger has a new cookie for each: however many come, one of three places is free."""
    queue = FairQueue()
    for i in range(4):
        queue.add(f"minutes {i}", [f"stranger {i}"], [0], length=Length.SLOW)
    given = [queue.next(3) for _ in range(3)]
    assert given == [("minutes 0", 0), ("minutes 1", 0), None]
    queue.add("seconds", ["ann"], [0], length=Length.LONG)
    queue.add("seconds too", ["ben"], [0], length=Length.LONG)
    assert [queue.next(3), queue.next(3)] == [("seconds", 0), None]
    done(queue, "minutes 0", 0)
    assert queue.next(3)[0] in ("seconds too", "minutes 2")  # in turn
    # Two places are for all of them: one alone would not use what it has.
    few = FairQueue()
    for i in range(2):
        few.add(f"minutes {i}", ["ann"], [0], length=Length.SLOW)
    assert [few.next(2), few.next(2)] == [("minutes 0", 0), ("minutes 1", 0)]
    queue.lengthen("seconds", Length.SLOW)
    queue.lengthen("seconds", Length.LONG)
    assert queue.entries["seconds"].length == Length.SLOW


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 4)), max_size=12),
    st.integers(1, 3),
)
def test_every_part_is_given_once_and_no_owner_is_more_than_a_turn_ahead(runs, slots):
    queue = filled(*((f"{i}", owner, n) for i, (owner, n) in enumerate(runs)))
    waiting = Counter()
    for owner, n in runs:
        waiting[owner] += n
    given_, served, order = [], Counter(), []
    expected = sorted((queue.position(str(i)), i) for i in range(len(runs)))
    while True:
        while len(given_) < slots and (turn := queue.next()) is not None:
            given_.append(turn)
            order.append(turn)
            owner = runs[int(turn[0])][0]
            served[owner] += 1
            waiting[owner] -= 1
            owners = [o for o in waiting if waiting[o] > 0]
            assert all(served[owner] <= served[o] + 1 for o in owners)
        if not given_:
            break
        done(queue, *given_.pop(0))
    parts = [(str(i), part) for i, (_, n) in enumerate(runs) for part in range(n)]
    assert sorted(order) == sorted(parts)
    firsts = list(dict.fromkeys(key for key, _ in order))
    assert firsts == [str(i) for _, i in expected]
