"""Summaries of draws: held to exact numbers, and the same whatever the components are called."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.data.dataset import Dataset
from gmm_core.posterior.overview import overview
from gmm_core.posterior.summary import (
    central_range,
    densest,
    finite_draws,
    summary,
    summary_row,
)
from tests.draws import separated, shuffled


def test_jumps_are_counted_inside_chains_only():
    draws = separated(C=2, S=50, K=2, D=1)
    for array in draws.draws.values():
        array[0, 20:30] = array[0, 20:30, ::-1]
        array[1] = array[1][:, ::-1]
    data = Dataset.from_values([0.0, 0.1, 10.0, 10.1])
    summary = overview(data, draws)
    assert summary.jumps == 2
    assert summary.labellings == 2


def test_one_component_has_one_labelling_and_no_jumps():
    draws = separated(K=1, D=1)
    summary = overview(Dataset.from_values([0.0, 1.0, 2.0]), draws)
    assert (summary.jumps, summary.labellings) == (0, 1)
    assert np.allclose(summary.together, 1)


def test_r_hat_and_ess_are_those_of_independent_draws_and_of_stuck_chains():
    rng = np.random.default_rng(0)
    good = summary_row("x", rng.standard_normal((4, 500)))
    assert good.r_hat == pytest.approx(1, abs=0.01)
    assert 1400 < good.ess_bulk < 2600
    assert good.mean == pytest.approx(0, abs=4 / np.sqrt(2000))
    stuck = summary_row("x", rng.standard_normal((2, 500)) + np.array([[0.0], [20.0]]))
    assert stuck.r_hat > 1.5
    assert stuck.ess_bulk < 10


@pytest.mark.parametrize("shape", [(1, 100), (2, 3), (1, 1)])
def test_too_few_chains_or_draws_have_no_diagnostics(shape):
    row = summary_row("x", np.random.default_rng(0).standard_normal(shape))
    assert (row.ess_bulk, row.ess_tail, row.r_hat) == (None, None, None)


def test_constant_parameter_has_no_r_hat():
    assert summary_row("x", np.ones((2, 50))).r_hat is None


def test_summary_names_each_parameter_once_and_shared_scales_once():
    names = [row.name for row in separated(K=2, D=1).summary()]
    assert names == ["log joint", "weight 1", "weight 2", "loc 1", "loc 2", "scale"]
    names = [row.name for row in separated(K=2, D=2, tied=False).summary()]
    assert names[3:] == ["loc 1 1", "loc 1 2", "loc 2 1", "loc 2 2", "scale 1", "scale 2"]


def test_summary_along_one_column_leaves_the_others_out():
    draws = separated(K=2, D=3, tied=False)
    draws.draws["scale_tril"][..., 2, 0] = 0.1
    names = [row.name for row in summary(draws, ["a", "b", "c"], only=2)]
    assert names[3:] == [
        *("loc 1 c", "loc 2 c", "scale 1 c", "scale 2 c"),
        *("correlation 1 a c", "correlation 1 b c", "correlation 2 a c", "correlation 2 b c"),
    ]


def test_summary_of_relabelled_draws_finds_the_components():
    mixed, _ = shuffled(separated(K=2, D=1))
    raw = {row.name: row for row in mixed.summary()}
    good = {row.name: row for row in mixed.relabelled().summary()}
    assert raw["loc 1"].sd > 4
    assert good["loc 1"].sd < 0.4
    assert good["loc 2"].mean == pytest.approx(10, abs=0.1)
    assert raw["log joint"] == good["log joint"]


def test_draws_of_a_running_chain_leave_out_what_is_not_known():
    draws = {n: a.copy() for n, a in separated(S=10).draws.items()}
    for array in draws.values():
        array[1, 4:] = np.nan
    assert len(finite_draws(draws)) == 14
    assert len(finite_draws(draws, limit=5)) == 5
    with pytest.raises(ValueError, match="no draw yet"):
        finite_draws({n: a * np.nan for n, a in draws.items()})


def test_densest_pair_is_found_on_the_side_with_more_draws():
    rng = np.random.default_rng(0)
    a, b = 11 + 0.5 * rng.standard_normal(900), 0.5 * rng.standard_normal(900)
    swap = np.arange(900) < 600
    x, y = np.where(swap, b, a), np.where(swap, a, b)
    place = densest(x, y, central_range(np.r_[x, y]))
    assert place == pytest.approx((0, 11), abs=0.2)
    assert densest(a, a + 0.1, central_range(a)) is None
