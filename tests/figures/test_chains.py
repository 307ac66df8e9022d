"""Figures of chains: whole, partial and odd draws are drawn, and say what they show."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.figures import chains as figures
from gmm_core.figures.labels import occupancy
from gmm_core.posterior.summary import Named


def draws_of(C=2, S=100, K=2, seed=0):
    rng = np.random.default_rng(seed)
    return np.linspace(0, 11, K) + 0.4 * rng.standard_normal((C, S, K))


def words(fig):
    return " ".join(str(a.text) for a in fig.layout.annotations)


def finite(trace):
    return [v for v in trace.y if v is not None]


def test_chains_stand_side_by_side_with_walls_and_names():
    fig = figures.trace(draws_of(C=3, S=50), "loc", title="Trace")
    assert len(fig.data) == 2
    assert fig.data[0].x[0] == 1
    assert max(fig.data[0].x) == 150
    assert [s.x0 for s in fig.layout.shapes] == [50.5, 100.5]
    assert all(f"chain {c}" in words(fig) for c in (1, 2, 3))
    assert sum(v is None for v in fig.data[0].y) == 3  # no line from one chain to the next


def test_chains_keep_their_numbers_where_others_are_set_aside():
    fig = figures.trace(draws_of(C=2, S=50), "loc", title="Trace", numbers=(0, 2))
    assert "chain 3" in words(fig)
    assert "chain 2" not in words(fig)
    ranked = figures.ranks(np.ones((2, 5)), "log joint", (1, 3))
    assert [line.hovertemplate.split(":")[0] for line in ranked.data] == ["chain 2", "chain 4"]
    ordered = occupancy([(0, 1), (1, 0)], np.full((2, 2), 0.5), (1, 3))
    assert [bar.hovertemplate.split(":")[0] for bar in ordered.data] == ["chain 2", "chain 4"]


def test_many_chains_have_numbers_that_do_not_meet_on_a_phone():
    fig = figures.trace(draws_of(C=6, S=50), "loc", title="Trace")
    above = [note.text for note in fig.layout.annotations if note.yref == "paper"]
    assert above[:6] == ["chain 1", "2", "3", "4", "5", "6"]


def test_running_chain_is_drawn_as_far_as_it_is_on_the_axis_of_the_whole():
    draws, warmup = draws_of(C=2, S=40), draws_of(C=2, S=20)
    draws[0, 10:] = draws[1] = np.nan
    warmup[1, 5:] = np.nan
    fig = figures.trace(draws, "loc", title="Trace", warmup=warmup)
    warm, line = fig.data[0], fig.data[1]
    assert len(finite(warm)) == 25
    assert warm.opacity < 1
    assert len(finite(line)) == 10
    assert line.x[0] == 21
    assert list(fig.layout.xaxis.range) == [0.5, 120.5]
    assert "10 of 80 draws" in fig.layout.meta["alt"]


def test_trace_without_a_draw_is_an_empty_figure():
    fig = figures.trace(np.full((2, 10, 2), np.nan), "loc", title="Trace")
    assert not finite(fig.data[0])


def test_divergences_are_marked_on_the_trace():
    diverging = np.zeros((2, 100))
    diverging[1, 3] = 1
    diverging[0, 50:] = np.nan
    draws = draws_of()
    fig = figures.trace(draws, "loc", title="Trace", diverging=diverging)
    marks = fig.data[-1]
    assert list(marks.x) == [104, 104]
    assert list(marks.y) == draws[1, 3].tolist()
    assert "✕ 1 divergent" in fig.layout.title.text


def test_every_tenth_draw_stands_where_it_was_drawn():
    diverging = np.zeros((2, 50))
    diverging[1, 3] = 1
    fig = figures.trace(draws_of(S=50), "loc", title="Trace", diverging=diverging, every=10)
    line, marks = fig.data[0], fig.data[-1]
    assert list(line.customdata[:3]) == [1, 11, 21]
    assert list(line.x[:3]) == [1, 11, 21]
    assert max(line.x) == 500 + 491
    assert list(marks.x) == [531, 531]
    assert list(fig.layout.xaxis.range) == [0.5, 1000.5]


def test_long_trace_is_thinned():
    fig = figures.trace(draws_of(C=4, S=5000, K=3), "loc", title="Trace")
    assert sum(len(t.x) for t in fig.data) < 5000


def test_many_components_say_that_not_all_are_drawn():
    fig = figures.trace(draws_of(K=20), "loc", title="Trace")
    assert len(fig.data) == 12
    assert "first 12 of 20" in words(fig)


def test_lines_are_named_behind_their_last_draw_and_apart():
    draws = draws_of(K=3)
    draws[1, -1] = [5.0, 5.0, 5.0]
    fig = figures.trace(draws, "loc", title="Trace")
    ends = [a for a in fig.layout.annotations if a.text in ("<b>1</b>", "<b>2</b>", "<b>3</b>")]
    assert [a.x for a in ends] == [200] * 3
    assert len({round(a.y, 3) for a in ends}) == 3


def test_number_of_no_component_is_one_line():
    fig = figures.trace(draws_of(K=1)[..., 0], "log joint", title="Trace")
    assert len(fig.data) == 1


def test_ranks_are_one_line_for_each_chain():
    fig = figures.ranks(np.array([[2.0, 0.0], [0.0, 2.0]]), "log joint")
    assert len(fig.data) == 2
    assert list(fig.data[0].x) == [0, 50, 100]
    assert list(fig.data[1].y) == [0, 2, 2]


def test_energy_shows_its_changes_and_names_each_chains_fraction():
    energy = np.random.default_rng(0).standard_normal((2, 300))
    fig = figures.energy(energy, [1.9, 0.2])
    assert len(fig.data) == 2
    assert "0.20" in fig.layout.title.text
    width = np.diff(fig.data[0].x)[0]
    assert np.sum(fig.data[0].y) * width == pytest.approx(1, abs=0.02)


def test_depths_at_the_limit_stand_out():
    fig = figures.depths(np.array([[2, 3, 3, 4]]), 4)
    assert list(fig.data[0].y) == [0, 0, 0.25, 0.5, 0.25]
    assert "25\u202f%" in words(fig)
    assert not words(figures.depths(np.array([[2, 3, 3, 4]]), 10))


def test_forest_has_two_intervals_and_a_median_for_each_parameter():
    rows = [Named("loc 1", np.arange(101.0)[None], 0), Named("scale", np.ones((1, 101)))]
    fig = figures.forest(rows, "Locs")
    assert len(fig.data) == 6
    assert list(fig.data[0].x) == [5, 95]
    assert list(fig.data[1].x) == [25, 75]
    assert list(fig.data[2].x) == [50]
    assert list(fig.layout.yaxis.ticktext) == ["loc 1", "scale"]
