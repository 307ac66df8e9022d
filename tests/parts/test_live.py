"""How often a page with a run under way is drawn again, and with which curves."""

from __future__ import annotations

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.figures import curves, loss_curves
from gmm_core.jobs import RunStatus
from gmm_core.runs.progress import Picture
from gmm_core.runs.specification import Specification
from pages.parts.stream import frames, live, partial


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


@pytest.mark.parametrize("columns", ["recorded", "all"])
def test_curves_of_a_run_under_way_stand_at_their_steps(columns):
    options = gmm.MapOptions(restarts=1000, steps=2_000, choose="final")
    data, mixture = gmm.example("tutorial"), gmm.Mixture()
    spec = Specification(dataset=data, mixture=mixture, options=options)
    picture = Picture()
    fit = gmm.fit_map(
        data, mixture, options, on_progress=lambda progress: picture.apply(progress.snapshot)
    )
    # As a run that an earlier version has stopped left them.
    whole = {"loss": np.arange(6_000.0).reshape(3, 2_000)}
    arrays, steps = (whole, np.arange(2_000)) if columns == "all" else (picture.arrays, fit.steps)
    view = live.View(spec, "a", RunStatus("a", "map", "running", snapshot=arrays))
    so_far = partial.curves(view, 2_000)
    np.testing.assert_array_equal(so_far.steps, steps)
    assert so_far.loss.shape[1] == len(steps) == len(so_far.norms["locs"])
    figure = loss_curves.losses(so_far.loss, steps=so_far.steps)
    assert figure.data[-1].x[-1] == figure.layout.xaxis.range[1] == 1_999
    assert curves.gradient_norms(so_far.norms, steps=so_far.steps).layout.xaxis.range[1] == 1_999


def test_curves_of_a_run_before_its_first_report_have_all_their_axis():
    so_far = partial.curves(live.View(None), 300)
    assert np.isnan(so_far.loss).all()
    assert so_far.loss.shape == (1, 300)
    np.testing.assert_array_equal(so_far.steps, np.arange(300))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.02, "under 0.1 s"), (12.0, "about 12 s"), (200, "about 3 min")]
)
def test_an_estimate_is_about_so_long_or_under_it(seconds, words):
    assert live.about(seconds) == words
