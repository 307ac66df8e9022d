"""Figures of the posterior: whole, partial and odd draws are drawn, and say what they show."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.dataset import Dataset
from gmm_core.figures import posterior as figures
from gmm_core.mixture import Parameters
from gmm_core.posterior_summary import BINS


def drawn(C=2, S=100, K=2, seed=0):
    rng = np.random.default_rng(seed)
    return np.linspace(0, 11, K) + 0.4 * rng.standard_normal((C, S, K))


def points(M=30, K=2, D=1):
    rng = np.random.default_rng(0)
    return Parameters(
        rng.dirichlet(np.full(K, 5.0), M),
        np.linspace(0, 11, K)[:, None] + rng.standard_normal((M, K, D)),
        np.broadcast_to(np.eye(D), (M, K, D, D)),
    )


def words(fig):
    return " ".join(str(a.text) for a in fig.layout.annotations)


def finite(trace):
    return [v for v in trace.y if v is not None]


def test_chains_stand_side_by_side_with_walls_and_names():
    fig = figures.trace(drawn(C=3, S=50), "loc", title="Trace")
    assert len(fig.data) == 2
    assert fig.data[0].x[0] == 1
    assert max(fig.data[0].x) == 150
    assert [s.x0 for s in fig.layout.shapes] == [50.5, 100.5]
    assert all(f"chain {c}" in words(fig) for c in (1, 2, 3))
    assert sum(v is None for v in fig.data[0].y) == 3  # no line from one chain to the next


def test_running_chain_is_drawn_as_far_as_it_is_on_the_axis_of_the_whole():
    draws, warmup = drawn(C=2, S=40), drawn(C=2, S=20)
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
    draws = drawn()
    fig = figures.trace(draws, "loc", title="Trace", diverging=diverging)
    marks = fig.data[-1]
    assert list(marks.x) == [104, 104]
    assert list(marks.y) == draws[1, 3].tolist()
    assert "1 divergent" in words(fig)


def test_long_trace_is_thinned():
    fig = figures.trace(drawn(C=4, S=5000, K=3), "loc", title="Trace")
    assert sum(len(t.x) for t in fig.data) < 5000


def test_many_components_say_that_not_all_are_drawn():
    fig = figures.trace(drawn(K=20), "loc", title="Trace")
    assert len(fig.data) == 12
    assert "first 12 of 20" in words(fig)


def test_lines_are_named_behind_their_last_draw_and_apart():
    draws = drawn(K=3)
    draws[1, -1] = [5.0, 5.0, 5.0]
    fig = figures.trace(draws, "loc", title="Trace")
    ends = [a for a in fig.layout.annotations if a.text in ("<b>1</b>", "<b>2</b>", "<b>3</b>")]
    assert [a.x for a in ends] == [200] * 3
    assert len({round(a.y, 3) for a in ends}) == 3


def test_number_of_no_component_is_one_line():
    fig = figures.trace(drawn(K=1)[..., 0], "log joint", title="Trace")
    assert len(fig.data) == 1


def test_two_locs_have_20_bins_and_contours_of_the_log_count():
    x, y = drawn()[..., 0], drawn()[..., 1]
    fig = figures.two_locs(x, y, ("loc 1", "loc 2"), mirrored=True)
    heat, contour = fig.data[:2]
    assert np.shape(heat.z) == (BINS, BINS) == (20, 20)
    assert np.allclose(contour.z, np.log(np.array(heat.z) + 3), atol=1e-4)


def test_mirrored_modes_are_named_with_their_share_of_draws():
    draws = drawn(S=200)
    draws[0, 50:] = draws[0, 50:, ::-1]
    draws[1] = draws[1, :, ::-1]
    fig = figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True)
    said = words(fig)
    assert "mode A" in said
    assert "as probable" in said
    assert "88\u202f%" in said
    assert "12\u202f%" in said


def test_mode_that_no_chain_visited_is_named_all_the_same():
    draws = drawn()
    said = words(figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True))
    assert "not visited" in said


def test_symmetrised_draws_fill_both_modes_alike():
    draws = drawn()
    fig = figures.two_locs(
        draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True, symmetrised=True
    )
    z = np.array(fig.data[0].z)
    assert np.array_equal(z, z.T)
    assert words(fig).count("50\u202f%") == 2


def test_locs_of_different_columns_have_no_mirror():
    draws = drawn()
    fig = figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=False)
    assert "mode" not in words(fig)


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_draws_that_are_not_there_or_do_not_move_are_drawn(value):
    same = np.full((2, 10), value)
    fig = figures.two_locs(same, same, ("a", "b"), mirrored=True)
    assert fig.layout.xaxis.range[0] < fig.layout.xaxis.range[1]


def test_draws_outside_the_picture_are_counted():
    draws = drawn(S=1000)
    draws[0, 0] = [900.0, -900.0]
    fig = figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True)
    assert fig.layout.xaxis.range[1] < 100
    assert "1 draw lies outside" in words(fig)
    assert "−0.0" not in words(fig)


def test_density_has_two_bands_a_median_and_the_data():
    data = Dataset.from_values([0, 1, 10, 11, 12], columns=["<b>x</b>"])
    fig = figures.density_bands(data, points())
    assert len(fig.data) == 4
    assert "median" in words(fig)
    assert "<b>" not in fig.layout.xaxis.title.text
    area = np.trapezoid(np.array(fig.data[2].y), np.array(fig.data[2].x))
    assert 0.3 < area <= 1.05


def test_density_without_draws_shows_the_data():
    fig = figures.density_bands(Dataset.from_values([0, 1, 10]), None)
    assert len(fig.data) == 1


def test_density_of_a_chosen_column_over_many_points():
    values = np.random.default_rng(0).standard_normal((500, 3)) * [1, 10, 100]
    fig = figures.density_bands(Dataset.from_values(values), points(D=3), column=2)
    assert fig.data[0].type == "bar"
    assert fig.layout.xaxis.range[1] > 100


def test_matrix_shows_numbers_where_they_fit():
    probs = np.array([[1.0, 0.97], [0.97, 1.0]])
    fig = figures.together(probs, ["0", "1"], "value")
    assert sum(a.text == "0.97" for a in fig.layout.annotations) == 2
    large = figures.together(np.eye(60), [str(i) for i in range(60)], "row")
    assert not large.layout.annotations


def test_matrix_of_one_point_is_drawn():
    assert figures.together(np.ones((1, 1)), ["0"], "value").data
