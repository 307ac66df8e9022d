"""Figures of labels: mirrored modes and label orders, with their shares."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.figures import labels as figures
from gmm_core.posterior.summary import BINS


def draws_of(C=2, S=100, K=2, seed=0):
    rng = np.random.default_rng(seed)
    return np.linspace(0, 11, K) + 0.4 * rng.standard_normal((C, S, K))


def words(fig):
    return " ".join(str(a.text) for a in fig.layout.annotations)


def test_two_locs_have_20_bins_and_contours_of_the_log_count():
    x, y = draws_of()[..., 0], draws_of()[..., 1]
    fig = figures.two_locs(x, y, ("loc 1", "loc 2"), mirrored=True)
    heat, contour = fig.data[:2]
    assert np.shape(heat.z) == (BINS, BINS) == (20, 20)
    assert np.allclose(contour.z, np.log(np.array(heat.z) + 3), atol=1e-4)


def test_mirrored_modes_are_named_with_their_share_of_draws():
    draws = draws_of(S=200)
    draws[0, 50:] = draws[0, 50:, ::-1]
    draws[1] = draws[1, :, ::-1]
    fig = figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True)
    text = words(fig)
    assert "mode A" in text
    assert "as probable" in text
    assert "88\u202f%" in text
    assert "12\u202f%" in text


def test_mode_that_no_chain_visited_is_named_all_the_same():
    draws = draws_of()
    text = words(figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True))
    assert "not visited" in text


def test_symmetrised_draws_fill_both_modes_alike():
    draws = draws_of()
    fig = figures.two_locs(
        draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True, symmetrised=True
    )
    z = np.array(fig.data[0].z)
    assert np.array_equal(z, z.T)
    assert words(fig).count("50\u202f%") == 2


def test_locs_of_different_columns_have_no_mirror():
    draws = draws_of()
    fig = figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=False)
    assert "mode" not in words(fig)


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_draws_that_are_not_there_or_do_not_move_are_drawn(value):
    same = np.full((2, 10), value)
    fig = figures.two_locs(same, same, ("a", "b"), mirrored=True)
    assert fig.layout.xaxis.range[0] < fig.layout.xaxis.range[1]


def test_draws_outside_the_picture_are_counted():
    draws = draws_of(S=1000)
    draws[0, 0] = [900.0, -900.0]
    fig = figures.two_locs(draws[..., 0], draws[..., 1], ("a", "b"), mirrored=True)
    assert fig.layout.xaxis.range[1] < 100
    assert "1 draw lies outside" in words(fig)
    assert "−0.0" not in words(fig)


def test_label_orders_are_stacked_by_chain_under_the_equal_share():
    fig = figures.occupancy([(0, 1), (1, 0)], np.array([[0.8, 0.2], [0.0, 1.0]]))
    assert list(fig.data[0].x) == ["1 2", "2 1"]
    total = np.array(fig.data[0].y) + np.array(fig.data[1].y)
    assert total == pytest.approx([0.4, 0.6])
    assert fig.layout.shapes[0].y0 == 0.5
    assert "50\u202f% each, as symmetry demands" in words(fig)
