"""How often a page with a run under way is drawn again."""

from __future__ import annotations

import pytest

import gmm_core as gmm
from gmm_core.jobs import RunStatus
from gmm_core.runs.specification import Specification
from pages.parts.stream import frames, live


@pytest.mark.parametrize("streams", [True, False])
def test_a_page_is_drawn_less_often_the_longer_its_run_goes_on(monkeypatch, streams):
    monkeypatch.setattr(frames, "shows", lambda run_id: streams)
    data = gmm.Dataset.from_values([[float(i % 7), float(i)] for i in range(100_000)])
    options = gmm.MapOptions(restarts=200, steps=2_000, choose="final")
    spec = Specification(dataset=data, mixture=gmm.Mixture(), options=options)

    def interval(*elapsed: float | None) -> float | None:
        each = [RunStatus("a", "map", "running", elapsed=seconds) for seconds in elapsed]
        return live._interval([live.View(spec, "a", status) for status in each])

    shortest = live.STREAMED if streams else live.TICK
    assert interval(None) == interval(0.5) == shortest
    paces = [interval(float(seconds)) for seconds in range(200)]
    assert paces == sorted(paces)
    assert paces[-1] == live.PATIENT
    # A run of three minutes is told some hundred times, and its end within a fifth of its time.
    assert sum(1 / pace for pace in paces) < 110
    assert all(pace <= max(shortest, 0.2 * s) for s, pace in enumerate(paces))
    assert len(set(paces)) < 6
    # What began last is what a person waits for.
    assert interval(150.0, 0.5) == shortest


def test_a_page_without_a_run_is_not_drawn_again():
    assert live._interval([live.View(None)]) is None
