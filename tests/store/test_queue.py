"""The queue in the database: whoever asks, each part is given once, in turn, and none is lost."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gmm_core as gmm
from gmm_core.jobs import admission
from gmm_core.settings import Settings
from gmm_core.store import Claim, FairQueue, Length, Picture, Store, Taker


@pytest.fixture
def store(url):
    with Store(url, patience=20) as store:
        yield store


def specification(seed=0):
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(restarts=2, steps=5, first_seed=seed),
    )


def enqueue(store, key, owner, n_parts=1, length=Length.SHORT):
    """Queue a run whose attempt has this name; return its id."""
    spec = specification(len(store.runs()))
    claim = Claim(key, "asker", n_parts, length)
    assert store.create_run(spec, owner, claim=claim).attempt == key
    return spec.id


HERE = Taker("here", "cluster")


def taken(store, room=None, taker=HERE):
    return store.change_queue(lambda queue: queue.next(room, taker))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    asks=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.sampled_from(list(Length))),
        min_size=1,
        max_size=6,
    ),
    room=st.integers(1, 3),
    data=st.data(),
)
def test_the_store_gives_what_the_rule_gives(tmp_path_factory, asks, room, data):
    """Every step reads the queue from the database and writes it back; the rule alone keeps it."""
    rule, ids = FairQueue(), {}
    with Store(f"sqlite:///{tmp_path_factory.mktemp('queue') / 'runs.db'}") as store:
        for number, (owner, n_parts, length) in enumerate(asks):
            key = f"{number}"
            ids[key] = enqueue(store, key, owner, n_parts, length)
            rule.add(key, [owner], list(range(n_parts)), length)
            for _ in range(data.draw(st.integers(0, 2))):
                assert taken(store, room) == rule.next(room)
            key = data.draw(st.sampled_from(sorted(rule.entries) or ["none"]))
            given_ = sorted(rule.entries[key].given)
            if given_ and data.draw(st.booleans()):
                rule.put_back(key, given_[0])
                store.change_queue(lambda queue, key=key, p=given_[0]: queue.put_back(key, p))
            view = store.queue()
            assert {k: view.position(k) for k in ids} == {k: rule.position(k) for k in ids}
            assert (view.n_given(), view.n_given_long()) == (rule.n_given(), rule.n_given_long())


def test_of_many_who_take_at_once_each_part_goes_to_one_and_nobody_gets_twice_their_share(url):
    with Store(url, patience=20) as store:
        for owner in "abcd":
            enqueue(store, owner, owner, n_parts=6)
    order, lock = [], threading.Lock()

    def take(server):
        with Store(url, patience=20) as mine:
            while (turn := taken(mine, taker=Taker(server, server))) is not None:
                with lock:
                    order.append(turn)

    threads = [threading.Thread(target=take, args=(f"web{i}",)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(order) == [(owner, part) for owner in "abcd" for part in range(6)]
    with Store(url) as store:
        entries = store.queue().entries
        assert all(len(entry.given) == 6 and not entry.waiting for entry in entries.values())
        # Whoever took them, the turns went round: nobody had a second before all had a first.
        turns = store.queue().turns
        assert sorted(turns.values()) == [21, 22, 23, 24]


def test_who_comes_late_is_next_on_every_web_process(store, url):
    for number in range(4):
        enqueue(store, f"ann{number}", "ann")
    assert taken(store) == ("ann0", 0)
    with Store(url) as other:
        enqueue(other, "ben", "ben")
        order = ["ben", "ann1", "ann2", "ann3"]
        for view in (store.queue(), other.queue()):
            assert [view.position(key) for key in order] == [0, 1, 2, 3]
        assert taken(other) == ("ben", 0)


def test_limits_hold_for_many_who_ask_at_once(url):
    refused = []

    def ask(seed):
        with Store(url, patience=20) as mine:
            try:
                mine.create_run(
                    specification(seed),
                    "ann" if seed % 2 else "eve",
                    "10.0.0.9",
                    Claim(f"a{seed}", "asker", 1),
                    admission.of_one_more(Settings(queued_runs=3, queued_per_address=5)),
                )
            except ValueError as error:
                refused.append(str(error))

    Store(url).close()
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store(url) as store:
        waiting = Counter(run.owners[0] for run in store.runs())
        assert sum(waiting.values()) == 5
        assert max(waiting.values()) == 3
    assert len(refused) == 7
    assert any("GMM_QUEUED_RUNS" in words for words in refused)
    assert any("GMM_QUEUED_PER_ADDRESS" in words for words in refused)


def test_asking_again_for_what_failed_counts_and_what_is_under_way_does_not(store):
    admit = admission.of_one_more(Settings(queued_runs=1))
    first, second = specification(1), specification(2)
    store.create_run(first, "ann", claim=Claim("a1", "asker", 1), admit=admit)
    store.set_state(first.id, "failed", attempt="a1")
    store.create_run(second, "ann", claim=Claim("a2", "asker", 1), admit=admit)
    store.create_run(second, "ann", claim=Claim("a3", "asker", 1), admit=admit)
    with pytest.raises(ValueError, match="1 of your runs is waiting"):
        store.create_run(first, "ann", claim=Claim("a4", "asker", 1), admit=admit)
    assert store.state(first.id).state == "failed"
    store.set_state(second.id, "done", attempt="a2")
    assert (
        store.create_run(first, "ann", claim=Claim("a5", "asker", 1), admit=admit).attempt == "a5"
    )
    with pytest.raises(ValueError, match="1 of your runs is waiting"):
        store.create_check(second.id, second, "ann", claim=Claim("a6", "asker", 1), admit=admit)


def test_a_part_that_has_written_frees_its_worker_and_the_last_one_with_its_run(store):
    run_id = enqueue(store, "two", "ann", n_parts=2)
    enqueue(store, "next", "ann")
    assert [taken(store), taken(store)] == [("two", 0), ("two", 1)]
    assert store.save_part(run_id, "two", 0, ("", "", None), 2) is None
    assert set(store.queue().entries["two"].given) == {1}
    assert store.save_part(run_id, "two", 1, ("", "", None), 2) is not None
    assert set(store.queue().entries["two"].given) == {1}  # until the run has ended
    store.set_state(run_id, "done", attempt="two")
    assert set(store.queue().entries) == {"next"}


def test_nothing_is_given_of_a_run_that_is_to_stop_was_replaced_or_is_another_programs(store):
    enqueue(store, "stopped", "ann", n_parts=2)
    store.change_queue(lambda queue: queue.stop("stopped", ("cancelled", "Cancelled.")))
    store.change_queue(lambda queue: queue.stop("stopped", ("failed", "Too late.")))
    assert store.queue().entries["stopped"].stop == ("cancelled", "Cancelled.")
    assert taken(store) is None
    assert not store.has_waiting()
    spec = specification(9)
    store.create_run(spec, "ann", claim=Claim("new", "asker", 1, program="newer"))
    assert store.has_waiting()
    assert taken(store, taker=Taker("here", "cluster", "older")) is None
    assert taken(store, taker=Taker("here", "cluster", "newer")) == ("new", 0)
    assert not store.has_waiting()
    store.delete(spec.id)
    assert "new" not in store.queue().entries


def test_a_picture_is_the_last_that_was_kept_and_goes_with_its_run(store):
    run_id = enqueue(store, "far", "ann", n_parts=2)
    store.keep_picture(run_id, "far", Picture(1, 4, b"four"))
    store.keep_picture(run_id, "far", Picture(1, 5, b"five"))
    store.keep_picture(run_id, "earlier attempt", Picture(0, 5, b"old"))
    assert store.picture_numbers(run_id, "far") == {1: 5}
    assert store.picture(run_id, "far", 1) == b"five"
    assert store.picture(run_id, "far", 0) is None
    store.set_state(run_id, "cancelled")
    assert store.picture_numbers(run_id, "far") == {}
