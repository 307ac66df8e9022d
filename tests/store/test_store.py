"""What is written stays, once, for everybody who asked for it."""

import os
import socket
import sqlite3
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pytest
import sqlalchemy as sa

import gmm_core as gmm
from gmm_core.data.rows import Rows
from gmm_core.jobs.away import DatabaseAwayError, store_answers
from gmm_core.runs.results import GuideFit
from gmm_core.store import Store, check_run_id, database, default_url
from gmm_core.store.queue import lock_queue


@pytest.fixture
def store(url):
    with Store(url) as store:
        yield store


def specification(steps=10, dataset=None):
    return gmm.Specification(
        dataset=dataset or gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(steps=steps),
    )


def guide_fit():
    return GuideFit(np.array([2.0, 1.0]), {"assignment_probs": np.ones(2)}, np.eye(2))


def test_a_dataset_comes_back_as_it_was_and_is_kept_once(store):
    values = np.random.default_rng(0).normal(size=(50, 2))
    dataset = gmm.Dataset.from_values(values, ["=cmd|' /C calc'!A0", "<script>"], "Ünïcode 😀")
    assert store.save_dataset(dataset, "ann") == dataset.fingerprint
    assert store.save_dataset(dataset, "ben") == dataset.fingerprint
    back = store.load_dataset(dataset.fingerprint)
    assert back == dataset
    assert (back.columns, back.name) == (dataset.columns, dataset.name)
    (row,) = store.datasets()
    assert (row.n, row.d, row.name, row.columns) == (50, 2, dataset.name, dataset.columns)
    assert store.datasets("ann") == store.datasets("ben") == [row]
    assert store.datasets("eve") == []


def test_a_transformed_dataset_comes_back_with_its_transforms(store):
    data = gmm.transformed(gmm.example("faithful"), {"eruptions": "log", "waiting": "standardise"})
    store.save_dataset(data)
    back = store.load_dataset(data.fingerprint)
    assert back == data
    assert back.transforms == data.transforms
    assert gmm.original(back) == gmm.example("faithful")


def test_weights_classes_and_holes_come_back_with_a_dataset(store):
    fields = {"weights": [1, 2, 0], "classes": ["a", None, "b"], "missing": "keep"}
    dataset = gmm.Dataset.from_values([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]], **fields)
    loaded = store.load_dataset(store.save_dataset(dataset))
    assert loaded == dataset
    assert loaded.classes == dataset.classes
    assert loaded.weights.tolist() == [1, 2, 0]


def test_an_unknown_dataset_is_told(store):
    with pytest.raises(ValueError, match='No dataset has the fingerprint "abc"'):
        store.load_dataset("abc")


def execute(url, statement, **values):
    """Do to the database what a person with its password could."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)
    engine.dispose()


def test_a_dataset_that_was_changed_in_the_database_is_refused(store, url):
    one, other = gmm.Dataset.from_values([1.0, 2.0]), gmm.Dataset.from_values([1.0, 3.0])
    store.save_dataset(one)
    store.save_dataset(other)
    execute(
        url,
        'UPDATE datasets SET "values" = '
        '(SELECT "values" FROM datasets WHERE fingerprint = :fingerprint)',
        fingerprint=other.fingerprint,
    )
    with pytest.raises(ValueError, match="no longer matches its fingerprint"):
        store.load_dataset(one.fingerprint)


def test_a_run_keeps_its_specification_and_goes_through_its_states(store):
    spec = specification()
    run = store.create_run(spec, "ann")
    assert (run.id, run.kind, run.state) == (spec.id, "map", "queued")
    assert store.specification(spec.id) == spec
    assert store.claim(spec.id, "a1", "server")
    assert store.set_state(spec.id, "running", attempt="a1", versions={"python": "3.11"})
    assert store.state(spec.id).started is not None
    assert store.result(spec.id) is None
    assert store.save_result(spec.id, guide_fit(), headline="loss 1", attempt="a1")
    (row,) = store.runs()
    assert (row.state, row.headline, row.dataset, row.n, row.d) == (
        "done",
        "loss 1",
        "tutorial",
        5,
        1,
    )
    assert row.mixture["n_components"] == 2
    assert row.options["steps"] == 10
    assert row.versions == {"python": "3.11"}
    assert row.seconds >= 0
    np.testing.assert_array_equal(store.result(spec.id).loss, [2.0, 1.0])


def test_times_are_utc(store):
    run = store.create_run(specification(), "ann")
    assert run.created.tzinfo == UTC
    assert abs(datetime.now(UTC) - run.created) < timedelta(minutes=1)


def test_equal_runs_of_two_owners_are_one_run_that_both_see(store):
    store.create_run(specification(), "ann")
    store.create_run(specification(), "ann")
    store.create_run(specification(), "ben")
    store.create_run(specification(steps=11), "ben")
    assert len(store.runs()) == 2
    assert [row.options["steps"] for row in store.runs("ben")] == [11, 10]
    (row,) = store.runs("ann")
    assert row.owners == ("ann", "ben")


def test_of_many_who_claim_a_run_one_gets_it(store):
    run = store.create_run(specification(), "ann")
    barrier = threading.Barrier(8)
    claims = []

    def claim(i):
        barrier.wait()
        claims.append(store.claim(run.id, f"attempt{i}", "server"))

    threads = [threading.Thread(target=claim, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claims) == [False] * 7 + [True]


def test_a_run_that_ended_is_changed_only_by_claiming_it_again(store):
    run = store.create_run(specification(), "ann")
    assert store.claim(run.id, "a1", "server")
    assert store.save_result(run.id, guide_fit(), "cancelled", "Cancelled.", attempt="a1")
    assert not store.set_state(run.id, "running", attempt="a1")
    assert not store.save_result(run.id, guide_fit(), attempt="a1")
    assert store.state(run.id).state == "cancelled"
    assert store.result(run.id) is not None
    assert store.claim(run.id, "a2", "server")
    assert store.result(run.id) is None
    assert not store.save_result(run.id, guide_fit(), attempt="a1")
    assert store.state(run.id).state == "queued"
    assert store.save_result(run.id, guide_fit(), attempt="a2")
    assert not store.claim(run.id, "a3", "server")


def test_a_result_and_its_state_are_written_together_or_not_at_all(store):
    run = store.create_run(specification(), "ann")
    with pytest.raises(ValueError, match="cannot be stored"):
        store.save_result(run.id, object())
    assert store.state(run.id).state == "queued"
    with pytest.raises(ValueError, match="A result ends its run"):
        store.save_result(run.id, guide_fit(), "running")


def test_the_last_part_to_end_gets_all_of_them(store):
    run = store.create_run(specification(), "ann")
    store.claim(run.id, "a1", "server")
    assert store.save_part(run.id, "a1", 1, (False, np.ones(1)), 2) is None
    assert store.save_part(run.id, "a1", 1, (False, np.zeros(1)), 2) is None  # said before
    assert store.part(run.id, "a1", 0) is None
    np.testing.assert_array_equal(store.part(run.id, "a1", 1)[1], [1.0])
    assert store.save_part(run.id, "old", 0, (False, None), 2) is None
    ended = store.save_part(run.id, "a1", 0, (True, None), 2)
    assert ended[0] == (True, None)
    np.testing.assert_array_equal(ended[1][1], [1.0])
    assert store.is_live(run.id, "a1")
    assert not store.is_live(run.id, "old")


def test_deleting_takes_a_run_off_ones_own_list_and_the_last_one_removes_it(store):
    run = store.create_run(specification(), "ann")
    store.create_run(specification(), "ben")
    store.save_result(run.id, guide_fit())
    assert not store.delete(run.id, "eve")
    assert not store.delete(run.id, "ann")
    assert store.runs("ann") == []
    assert len(store.runs("ben")) == 1
    assert store.delete(run.id, "ben")
    assert store.runs() == []
    assert store.datasets() == []
    with pytest.raises(ValueError, match=f'No run has the id "{run.id}"'):
        store.result(run.id)
    assert not store.delete(run.id, "ben")


def test_a_dataset_stays_while_a_run_or_a_person_needs_it(store):
    first, second = specification(), specification(steps=11)
    store.create_run(first, "ann")
    store.create_run(second, "ann")
    store.delete(first.id)
    assert len(store.datasets()) == 1
    store.save_dataset(first.dataset, "ann")
    store.delete(second.id)
    assert len(store.datasets("ann")) == 1
    store.forget_dataset(first.dataset.fingerprint, "ann")
    assert store.datasets() == []


def finish(store, spec, owner="ann"):
    store.create_run(spec, owner)
    store.save_result(spec.id, guide_fit())
    return spec.id


def test_a_run_says_which_versions_made_it(store):
    run = store.create_run(specification(), "ann")
    assert run.versions == {}
    store.claim(run.id, "a1", "server")
    store.set_state(run.id, "running", attempt="a1", versions={"python": "3.11", "torch": "2.13"})
    store.save_result(run.id, guide_fit(), attempt="a1")
    assert store.state(run.id).versions == {"python": "3.11", "torch": "2.13"}
    assert store.runs()[0].versions == {"python": "3.11", "torch": "2.13"}


def test_runs_are_listed_page_by_page_and_counted(store):
    for i in range(5):
        store.create_run(specification(steps=10 + i), "ann" if i % 2 else "ben")
    store.save_result(specification(steps=10).id, guide_fit())
    assert [row.options["steps"] for row in store.runs(limit=2)] == [14, 13]
    assert [row.options["steps"] for row in store.runs(limit=2, offset=3)] == [11, 10]
    assert [row.options["steps"] for row in store.runs(offset=4)] == [10]
    assert [row.owners for row in store.runs("ann", limit=1, offset=1)] == [("ann",)]
    assert store.runs(kinds=["posterior"]) == []
    assert len(store.runs("ben", ["queued"], kinds=["map"])) == 2
    assert store.run_counts() == {("map", "queued"): 4, ("map", "done"): 1}
    assert store.run_counts("ben") == {("map", "queued"): 2, ("map", "done"): 1}
    assert store.run_counts("ann", ["done"]) == {}


def test_a_list_of_runs_does_not_read_their_specifications(store, url):
    finish(store, specification())
    execute(url, "UPDATE runs SET specification = 'no JSON at all'")
    assert store.runs("ann")[0].mixture["n_components"] == 2


def test_runs_expire_with_their_data_unless_pinned_asked_for_or_under_way(store):
    other = gmm.Dataset.from_values([1.0, 2.0, 4.0])
    old, pinned = (
        finish(store, specification(dataset=other)),
        finish(store, specification(steps=11)),
    )
    live = store.create_run(specification(steps=12), "ann").id
    requested = finish(store, specification(steps=13))
    store.pin(pinned, "eve")
    before = datetime.now(UTC)
    store.create_run(specification(steps=13), "ben")
    assert store.expire(before) == 1
    assert {row.id for row in store.runs()} == {pinned, live, requested}
    with pytest.raises(ValueError, match="No run has the id"):
        store.state(old)
    with pytest.raises(ValueError, match="No dataset"):
        store.load_dataset(other.fingerprint)
    store.unpin(pinned, "ann")  # it is not hers
    assert store.expire(before) == 0
    store.unpin(pinned, "eve")
    assert store.expire(before) == 1
    assert store.expire(datetime.now(UTC)) == 1
    assert [row.id for row in store.runs()] == [live]


def test_saved_data_expires_once_no_run_uses_it(store):
    data = gmm.Dataset.from_values([1.0, 2.0, 4.0])
    store.save_dataset(data, "ann")
    store.save_dataset(gmm.example("tutorial"), "ann")
    store.create_run(specification(), "ann")
    assert store.expire(datetime.now(UTC)) == 0
    assert [row.name for row in store.datasets("ann")] == ["tutorial"]


def test_nothing_expires_without_days_to_keep_it(url):
    with Store(url) as store:
        finish(store, specification())
        assert store.expire() == 0
    with Store(url, keep_days=1) as store:
        assert store.expire() == 0
        execute(url, "UPDATE runs SET used = :then, finished = :then", then="2020-01-01 00:00:00")
        assert store.expire() == 1
    with pytest.raises(ValueError, match="kept for -1 days, but 0"):
        Store(url, keep_days=-1)


def test_a_pin_is_its_owners_own(store):
    run_id = finish(store, specification())
    store.pin(run_id, "ann")
    store.pin(run_id, "ann")
    assert store.runs("ann")[0].pinned
    assert store.runs()[0].pinned
    store.create_run(specification(), "ben")
    assert not store.runs("ben")[0].pinned
    store.delete(run_id, "ann")
    assert not store.runs()[0].pinned
    with pytest.raises(ValueError, match="No run has the id"):
        store.pin("0" * 32)


def test_what_is_deleted_is_gone_from_the_file(sqlite_url, tmp_path):
    # Text that compression leaves as it is: a name.
    data = gmm.Dataset.from_values([1.0, 2.0], name="confidential-4711")
    with Store(sqlite_url) as store:
        run = store.create_run(specification(dataset=data), "ann")
    content = (tmp_path / "runs.db").read_bytes()
    assert b"confidential-4711" in content
    with Store(sqlite_url) as store:
        store.delete(run.id)
    assert b"confidential-4711" not in (tmp_path / "runs.db").read_bytes()


def test_a_check_is_a_run_of_its_own_that_stands_in_no_list(store):
    run_id = finish(store, specification())
    with pytest.raises(ValueError, match="No run has the id"):
        store.create_check(specification(steps=99).id, specification(steps=99))
    check = store.create_check(specification().id, specification(), "eve")
    assert check.id != run_id
    assert check.state == "queued"
    assert store.create_check(specification().id, specification(), "ben").id == check.id
    assert store.specification(check.id) == specification()
    assert [row.id for row in store.runs()] == [run_id]
    assert store.runs("eve") == []
    assert store.run_counts("eve") == {}
    assert [run.id for run in store.live()] == [check.id]
    assert store.check(run_id).verdict is None
    store.save_result(check.id, guide_fit())
    assert store.expire(datetime.now(UTC) - timedelta(days=1)) == 0
    store.end_check(run_id, {"verdict": "equal"})
    assert store.check(run_id).verdict == {"verdict": "equal"}
    assert store.live() == []
    with pytest.raises(ValueError, match="No run has the id"):
        store.state(check.id)
    assert store.result(run_id) is not None


def test_a_check_goes_with_its_run(store):
    run_id = finish(store, specification())
    store.create_check(specification().id, specification(), "eve")
    assert store.delete(run_id)
    assert (store.live(), store.datasets(), store.check(run_id)) == ([], [], None)


@pytest.mark.parametrize("bad", ["", "abc", "g" * 32, "0" * 33, "' OR 1=1 --", None, "\x00"])
def test_what_is_no_id_is_told_so(store, bad):
    with pytest.raises(ValueError, match=r'No run has the id ".*". An id has 32 characters'):
        store.state(bad)


def test_an_id_is_read_in_capitals_and_with_spaces_around():
    assert check_run_id(" " + "AB" * 16 + "\n") == "ab" * 16


def test_a_locked_database_is_tried_again(sqlite_url, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.01)
    with Store(sqlite_url) as store:
        other = sqlite3.connect(tmp_path / "runs.db", check_same_thread=False, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.25, lambda: other.execute("COMMIT"))
        release.start()
        store.save_dataset(gmm.example("tutorial"))
        release.join()
        other.close()
        assert len(store.datasets()) == 1
    assert "trying again" in caplog.text


def test_a_server_that_was_stopped_is_waited_for_and_nothing_is_lost(postgres, caplog):
    with Store(postgres.new_database(), patience=30) as store:
        run = store.create_run(specification(), "ann")
        postgres.stop()
        back = threading.Timer(0.5, postgres.start)
        back.start()
        assert store.save_result(run.id, guide_fit())
        back.join()
        assert store.state(run.id).state == "done"
    assert "trying again" in caplog.text


def test_a_database_that_stays_away_is_told_when_patience_is_over(postgres):
    with Store(postgres.new_database(), patience=0.1) as store:
        postgres.stop()
        try:
            with pytest.raises(sa.exc.OperationalError, match="refused"):
                store.datasets()
        finally:
            postgres.start()
        assert store.datasets() == []


def test_a_database_that_takes_what_is_sent_and_says_nothing_is_away(postgres):
    with Store(postgres.new_database(), silence=0.5) as store:
        assert store.datasets() == []
        with postgres.hanging():
            # On a connection from before, and on new ones: of as many threads as share a pool.
            with ThreadPoolExecutor(20) as pool:
                asked = [pool.submit(store.datasets) for _ in range(20)]
            for one in asked:
                with pytest.raises(DatabaseAwayError, match="does not answer"), store_answers():
                    one.result()
            with pytest.raises(sa.exc.OperationalError, match="timeout"):
                store.ping()
        assert store.datasets() == []


def test_a_database_that_is_busy_is_waited_for(postgres):
    """Silent for longer than one that hangs may be, but it answers whoever asks beside."""
    with Store(postgres.new_database(), silence=2.0) as store, store._read() as connection:
        assert connection.execute(sa.text("SELECT 7 FROM pg_sleep(3)")).scalar() == 7
        with ThreadPoolExecutor(1) as pool:
            with store._write() as other:
                lock_queue(other)
                waiting = pool.submit(store.change_queue, lambda queue: "its turn")
                # By the server's own clock, which the one that waits hears nothing of.
                other.execute(sa.text("SELECT pg_sleep(3)"))
                assert not waiting.done()
            assert waiting.result() == "its turn"


def test_what_a_database_works_on_for_too_long_ends_there_too(postgres):
    with Store(postgres.new_database(), patience=0.0, silence=2.0, longest=1.5) as store:
        with (
            pytest.raises(DatabaseAwayError, match="does not answer"),
            store_answers(),
            store._read() as connection,
        ):
            connection.execute(sa.text("SELECT pg_sleep(600)"))
        with store._read() as connection:
            work = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(600)'"
            assert connection.execute(sa.text(work)).scalar() == 0


def test_who_holds_the_queue_and_stands_still_loses_it(postgres):
    """As a process does that was frozen in the middle of a change; it changes it later."""
    url, done = postgres.new_database(), []
    with Store(url, longest=1.0) as frozen, Store(url) as other:

        def change(queue):
            if not done:
                done.append(other.change_queue(lambda queue: "the other's"))
            return "its own"

        assert frozen.change_queue(change) == "its own"
        assert done == ["the other's"]


def test_a_machine_that_went_away_is_told_by_tcp(postgres):
    with Store(postgres.new_database()) as store, store._read() as connection:
        raw = connection.connection.driver_connection
        with socket.socket(fileno=os.dup(raw.fileno())) as wire:
            option = partial(wire.getsockopt, socket.IPPROTO_TCP)
            idle, pause, times = map(
                option, (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert 5 <= idle + pause * times <= 10
            assert 5_000 <= option(socket.TCP_USER_TIMEOUT) <= 10_000


def test_readers_do_not_wait_for_a_writer(store, url):
    run = store.create_run(specification(), "ann")
    engine = sa.create_engine(url)
    with engine.connect() as other:
        other.execute(sa.text("UPDATE runs SET state = 'running'"))
        assert store.state(run.id).state == "queued"
        other.rollback()
    engine.dispose()


def test_a_dataset_that_is_deleted_and_wanted_at_once_is_there_for_who_wants_it(url):
    """The last run of a dataset goes while another of the same data is asked for."""
    specs = [specification(steps=10 + i) for i in range(3)]
    errors = []

    def work(spec):
        try:
            with Store(url) as store:
                for _ in range(15):
                    store.create_run(spec, "ann")
                    assert store.specification(spec.id) == spec
                    store.delete(spec.id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(spec,)) for spec in specs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Store(url) as store:
        assert (store.runs(), store.datasets()) == ([], [])


def test_two_stores_that_write_at_once_both_succeed(url):
    def write(offset):
        with Store(url) as store:
            for i in range(10):
                store.create_run(specification(steps=offset + i), "ann")

    threads = [threading.Thread(target=write, args=(100 * i + 1,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store(url) as store:
        assert len(store.runs()) == 30


def test_urls_that_cannot_work_are_told(tmp_path):
    for url in ("runs.db", "secret@host", "postgresql+psycopg://u:secret@host:se@cret/name"):
        with pytest.raises(
            ValueError, match="no SQLAlchemy URL. Expected is one such as"
        ) as refusal:
            Store(url)
        assert "secret" not in "".join(traceback.format_exception(refusal.value))
    with pytest.raises(ValueError, match="workers write results"):
        Store("sqlite://")


def test_the_default_is_a_file_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("GMM_DATABASE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_url() == f"sqlite:///{tmp_path}/mixture-explorer/runs.db"
    monkeypatch.setenv("GMM_DATABASE", "postgresql+psycopg://host/name")
    assert default_url() == "postgresql+psycopg://host/name"


def test_each_owner_sees_data_under_the_name_and_with_the_rows_it_was_saved_with(store):
    values = [[1.0, 2.0], [3.0, 5.0]]
    hers = gmm.Dataset.from_values(values, ["a", "b"], "hers.csv")
    names, doses = np.array(["Ann", "Ánn ☃"]), np.array([1.5, np.nan])
    rows = Rows(np.array([3, 7]), {"who": names, "dose": doses})
    store.save_dataset(replace(hers, rows=rows), "ann")
    store.save_dataset(replace(hers, name="his.csv"), "ben")
    back = store.load_dataset(hers.fingerprint, "ann")
    assert (back.name, list(back.rows.numbers)) == ("hers.csv", [3, 7])
    assert list(back.rows.columns["who"]) == ["Ann", "Ánn ☃"]
    np.testing.assert_array_equal(back.rows.columns["dose"], [1.5, np.nan])
    other = store.load_dataset(hers.fingerprint, "ben")
    assert (other.name, other.rows) == ("his.csv", None)
    assert [row.name for row in store.datasets("ben")] == ["his.csv"]
    assert store.load_dataset(hers.fingerprint).rows is None
    store.save_dataset(hers, "ann")  # once more, from a file without names
    assert store.load_dataset(hers.fingerprint, "ann").rows is None
    assert len(store.datasets("ann")) == 1


def test_runs_are_named_noted_and_found_by_every_word(store):
    spec = specification()
    run_id = spec.id
    store.create_run(spec, "ann")
    store.create_run(spec, "ben")
    store.describe(run_id, "ann", "  Before 100% cleaning ", "two outliers left in")
    (row,) = store.runs("ann")
    assert (row.title, row.note) == ("Before 100% cleaning", "two outliers left in")
    assert (store.runs("ben")[0].title, store.runs()[0].note) == ("", "")  # nobody else's
    for words in ("cleaning", "OUTLIERS before", "100%", run_id[:8], spec.dataset.name):
        assert [row.id for row in store.runs("ann", search=words)] == [run_id], words
        assert sum(store.run_counts("ann", search=words).values()) == 1
    for words in ("1000%", "c%g", "before winter"):
        assert store.runs("ann", search=words) == []
    assert store.runs("ben", search="outliers") == []


def test_a_run_that_was_only_passed_is_in_nobodys_way_and_not_lost(store):
    passed, named, pinned = (specification(steps) for steps in (11, 12, 13))
    for spec in (passed, named, pinned):
        store.create_run(spec, "ann")
    store.create_run(passed, "ben")
    store.describe(named.id, "ann", "mine", "")
    store.pin(pinned.id, "ann")
    for spec in (passed, named, pinned):
        store.pass_by(spec.id, "ann")
    assert {row.id for row in store.runs("ann")} == {named.id, pinned.id}
    assert sum(store.run_counts("ann").values()) == 2
    assert [row.id for row in store.runs("ben")] == [passed.id]
    assert store.specification(passed.id) == passed  # its link opens it
    store.create_run(passed, "ann")  # asked for again
    assert passed.id in {row.id for row in store.runs("ann")}
