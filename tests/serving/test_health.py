"""A health check says what is away, and is held up by nothing that hangs."""

import threading

import pytest

from gmm_core.serving.health import Health


@pytest.fixture
def gate():
    """Hold what asks after it up until it is opened."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_what_fails_is_named_with_the_first_line_of_its_reason():
    def fails():
        raise OSError("No such host.\nMore about it.")

    def silent():
        raise RuntimeError

    health = Health({"store": lambda: None, "scheduler": fails, "other": silent})
    assert health.away() == {"scheduler": "No such host.", "other": "RuntimeError"}


def test_what_hangs_is_away_asked_once_and_back_when_it_answers(gate):
    calls = []

    def hangs():
        calls.append(1)
        assert gate.wait(60)

    health = Health({"store": hangs, "scheduler": lambda: None}, patience=0.05)
    for _ in range(3):
        away = health.away()
        assert list(away) == ["store"]
        assert "has not answered for" in away["store"]
    assert len(calls) == 1  # no thread for each who asks
    gate.set()
    while health.away():
        assert len(calls) == 1
    assert len(calls) == 1


def test_many_who_ask_at_once_share_an_answer():
    calls = []
    health = Health({"store": lambda: calls.append(1)})
    people = [threading.Thread(target=health.away) for _ in range(50)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert len(calls) == 1
