"""What happens to a run is told once, whoever does it and whoever asks."""

import threading

import pytest
import sqlalchemy as sa

import gmm_core as gmm
from gmm_core.store import Store, reason


@pytest.fixture
def store(url):
    with Store(url) as store:
        yield store


def spec(steps=10):
    return gmm.Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(steps=steps),
    )


def taken_events(store):
    return [(e.event, e.run_id, e.outcome, e.attempts) for e in store.take_events()]


def begun(store, attempt, owner="ann", steps=10):
    run_id = store.create_run(spec(steps), owner).id
    assert store.claim(run_id, attempt, "here")
    return run_id


def test_a_run_is_told_when_asked_for_begun_and_ended_with_how_often_it_was_begun(store):
    run_id = begun(store, "a1")
    store.create_run(spec(), "ben")  # who comes later is not who asked for it
    (submitted,) = store.take_events()
    assert (submitted.event, submitted.owner, submitted.waited) == ("submitted", "ann", None)
    for _ in range(2):  # each part says it
        store.set_state(run_id, "running", attempt="a1")
    (started,) = store.take_events()
    assert (started.event, started.outcome, started.seconds) == ("started", "", None)
    assert (started.kind, started.engine, started.owner) == ("map", "compiled", "ann")
    assert 0 <= started.waited < 10
    assert store.set_state(run_id, "failed", "The fit diverged.", attempt="a1")
    assert not store.set_state(run_id, "cancelled", attempt="a1")
    (ended,) = store.take_events()
    assert (ended.event, ended.outcome, ended.attempts) == ("ended", "failed", 1)
    assert ended.waited == started.waited
    assert ended.seconds == store.state(run_id).seconds

    assert store.claim(run_id, "a2", "there")
    store.set_state(run_id, "running", attempt="a2")
    assert not store.set_state(run_id, "failed", attempt="a1")  # one that was given up
    assert store.save_result(run_id, None, "done", attempt="a2")
    assert not store.save_result(run_id, None, "done", attempt="a2")
    assert taken_events(store) == [
        ("submitted", run_id, "", 2),
        ("started", run_id, "", 2),
        ("ended", run_id, "done", 2),
    ]
    assert taken_events(store) == []


def test_an_end_outlives_what_is_done_to_the_run_before_it_is_told(store):
    again = begun(store, "a1")
    store.set_state(again, "cancelled")
    assert store.claim(again, "a2", "here")
    gone = begun(store, "b1", steps=20)
    store.set_state(gone, "done")
    assert store.delete(gone, "ann")
    under_way = begun(store, "c1", steps=30)
    store.set_state(under_way, "running")
    assert store.delete(under_way, "ann")
    *told_before, last = [e for e in store.take_events() if e.event != "submitted"]
    assert [(e.event, e.run_id, e.outcome) for e in told_before] == [
        ("ended", again, "cancelled"),
        ("ended", gone, "done"),
        ("started", under_way, ""),
    ]
    assert (last.event, last.run_id, last.outcome) == ("ended", under_way, "deleted")
    assert last.seconds >= 0
    # One that never started has no seconds.
    store.set_state(again, "failed", attempt="a2")
    (ended,) = store.take_events()
    assert (ended.seconds, ended.waited, ended.attempts) == (None, None, 2)


def test_of_many_who_ask_at_once_each_event_goes_to_one(url, store):
    ids = [begun(store, f"a{i}", steps=i + 1) for i in range(20)]
    store.take_events()
    taken, ready = [], threading.Barrier(4)
    lock = threading.Lock()

    def take():
        with Store(url) as mine:
            ready.wait()
            for _ in range(30):
                events = mine.take_events()
                with lock:
                    taken.extend(events)

    others = [threading.Thread(target=take) for _ in range(3)]
    for other in others:
        other.start()
    ready.wait()
    for run_id in ids:
        store.set_state(run_id, "done")
    for other in others:
        other.join()
    taken += store.take_events()
    assert sorted(e.run_id for e in taken) == sorted(ids)


def test_errors_of_the_database_name_no_value(store):
    """What goes into a log would be data, titles and names of columns."""
    dataset = gmm.Dataset.from_values([1.0, 2.0], columns=["salary"], name="staff")
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE datasets RENAME COLUMN d TO dimension")
    store.patience = 0
    with pytest.raises(Exception, match="datasets") as failed:
        store.save_dataset(dataset, "ann@example.org")
    assert "INSERT INTO datasets" in str(failed.value)
    for secret in ("salary", "staff", "ann@example.org", dataset.fingerprint):
        assert secret not in str(failed.value)


def test_the_reason_of_an_error_quotes_no_value(store):
    store.create_run(spec(), "ann@example.org")
    with pytest.raises(sa.exc.IntegrityError) as failed, store._engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO run_owners SELECT * FROM run_owners")
    assert "ann@example.org" not in reason(failed.value)
    assert "run_owners" in reason(failed.value)


def test_a_database_answers_or_says_why_not(url, tmp_path, store):
    store.ping()
    if url.startswith("sqlite"):
        (tmp_path / "runs.db").rename(tmp_path / "away.db")
        with pytest.raises(FileNotFoundError):
            store.ping()  # though its connections are open
        (tmp_path / "away.db").rename(tmp_path / "runs.db")
        store.ping()
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE events")
        connection.exec_driver_sql("ALTER TABLE runs RENAME TO elsewhere")
    with pytest.raises(Exception, match="runs"):
        store.ping()


def test_tries_that_found_the_database_away_are_counted(tmp_path):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    with Store(url, patience=0.2) as store:
        assert store.errors == 0
        with store._engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE runs RENAME TO elsewhere")
        with pytest.raises(Exception, match="no such table"):
            store.live()
        assert store.errors == 2
