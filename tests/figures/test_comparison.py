"""Figures of sweeps and pairs show every cell, mark the best, and name the ones without optimum."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.comparison import sweep
from gmm_core.comparison.criteria import CRITERIA
from gmm_core.figures import comparison as figures
from gmm_core.figures import style
from gmm_core.mixture import COVARIANCES, matching

FAITHFUL, TUTORIAL = gmm.example("faithful"), gmm.example("tutorial")


@pytest.fixture(scope="module")
def rows():
    return gmm.compare(FAITHFUL, (1, 2, 3), restarts=5)


def trace(fig, name):
    return next(t for t in fig.data if t.name == name)


def test_each_covariance_is_a_line_of_its_own_colour_and_marker(rows):
    fig = figures.criterion_over_k(rows, (1, 2, 3), 2)
    names = [
        f"{form}, {who}" for form in ("spherical", "diagonal", "full") for who in ("shared", "own")
    ]
    lines = [trace(fig, name) for name in names]
    assert len({t.line.color for t in lines}) == len({t.marker.symbol for t in lines}) == 6
    for t, (covariance, tied) in zip(lines, COVARIANCES, strict=True):
        assert list(t.x) == [1, 2, 3]
        expected = [r.bic for r in rows if (r.covariance, r.tied) == (covariance, tied)]
        assert list(t.y) == expected
        # With one component tied and untied are the same; a click opens the tied one.
        assert t.customdata[1:] == ([2, covariance, tied], [3, covariance, tied])


@pytest.mark.parametrize("criterion", [name for name in CRITERIA if name != "log_evidence"])
@pytest.mark.parametrize("whole", [True, False])
def test_up_is_better_and_the_best_is_marked_inside_the_view(rows, criterion, whole):
    fig = figures.criterion_over_k(rows, (1, 2, 3), 2, criterion, whole)
    low, high = fig.layout.yaxis.range
    assert (low > high) == (criterion != "log_likelihood")
    ring = trace(fig, "best")
    best = rows[sweep.best(rows, criterion)]
    assert list(ring.x) == [best.n_components]
    assert list(ring.y) == [getattr(best, criterion)]
    values = [getattr(r, criterion) for r in rows]
    inside = [min(low, high) <= v <= max(low, high) for v in values]
    assert all(inside) == whole
    assert inside[values.index(ring.y[0])]


def test_lines_below_the_view_are_named(rows):
    fig = figures.criterion_over_k(rows, (1, 2, 3), 2)
    assert any(a.text == "below: spherical, shared; spherical, own" for a in fig.layout.annotations)


def test_cells_without_an_optimum_are_crosses_with_their_reason():
    rows = gmm.compare(TUTORIAL, (2, 5, 6), "spherical", restarts=3)
    fig = figures.criterion_over_k(rows, (2, 5, 6), 1)
    crosses = trace(fig, "no optimum")
    assert crosses.marker.symbol == "x"
    assert crosses.marker.color == style.COLLAPSED
    assert [c[:1] + c[2:] for c in crosses.customdata] == [
        [5, True], [5, False], [6, True], [6, False]
    ]  # fmt: skip
    assert "All 3 starts collapsed" in crosses.text[0]
    assert "at least as many points" in crosses.text[2].replace("<br>", " ")
    assert set(crosses.y) == {fig.layout.yaxis.range[0]}
    assert "4 without an optimum" in fig.layout.meta["alt"]


def test_with_one_column_the_same_mixture_is_drawn_once():
    rows = gmm.compare(TUTORIAL, (1, 2), restarts=3)
    fig = figures.criterion_over_k(rows, (1, 2), 1)
    assert {t.name for t in fig.data} == {"shared", "own", "best"}
    assert list(trace(fig, "own").x) == [1, 2]


def test_before_the_first_cell_the_axes_stand():
    fig = figures.criterion_over_k([], range(1, 7), 2)
    assert list(fig.layout.xaxis.tickvals) == [1, 2, 3, 4, 5, 6]
    assert not fig.data
    assert "no cell is finished yet" in fig.layout.meta["alt"]


def test_em_and_our_climb_are_drawn_from_the_same_start():
    trace_of_em = np.array([-10.0, -5.0, -4.0, np.nan])
    fig = figures.climbs(np.array([0, 5, 9]), np.array([-10.0, -6.0, -4.0]), trace_of_em, True)
    assert list(trace(fig, "ours").y) == [-10, -6, -4]
    assert list(trace(fig, "EM").x) == [0, 1, 2]
    assert "after 2 iterations" in fig.layout.meta["alt"]
    assert "log joint" in fig.layout.meta["alt"]


@pytest.mark.parametrize("columns", [(0,), (0, 1)])
def test_two_fits_are_drawn_solid_and_dashed_with_matched_components(rows, columns):
    a = next(r for r in rows if r.cell == (2, "full", False)).parameters
    b = a.permuted([1, 0])
    fig = figures.two_densities(FAITHFUL, (a, b), ("first <b>", "second"), columns)
    assert "<b>" not in fig.layout.title.text
    lines = [t for t in fig.data if t.type == "scatter" and t.mode == "lines"]
    solid = [t for t in lines if t.line.dash == "solid"]
    dashed = [t for t in lines if t.line.dash == "dash"]
    assert len(solid) == len(dashed) > 0
    for s, d in zip(solid, dashed, strict=True):
        assert s.line.color == d.line.color
        np.testing.assert_allclose(s.y, d.y)
    assert matching.largest_gap(a, b) == 0
