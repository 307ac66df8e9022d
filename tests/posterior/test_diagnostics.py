"""Diagnostics: those of arviz-stats, on what no permutation changes."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import log_density
from gmm_core.posterior.diagnostics import (
    chain_agreement,
    chain_rows,
    every_invariant,
    invariant_draws,
    invariant_rows,
    rank_counts,
)
from tests.draws import separated, shuffled

AXES = {"chain_axis": 0, "draw_axis": 1}


def test_running_chains_are_summarised_as_far_as_they_are():
    nan = np.nan
    rows = chain_rows(
        {"diverging": np.array([[0, 1, nan], [nan] * 3]), "step_size": np.array([0.5, nan])}
    )
    assert (rows[0].draws, rows[0].divergences, rows[0].step_size) == (2, 1, 0.5)
    assert (rows[1].draws, rows[1].divergences) == (0, 0)
    assert np.isnan(rows[1].acceptance)


def test_invariant_diagnostics_are_those_of_arviz_stats_and_blind_to_labels():
    draws = separated(C=4, S=100, K=3, D=1)
    mixed, _ = shuffled(draws)
    data = Dataset.from_values([-1.0, 3.0, 9.0, 12.0])
    rows = invariant_rows(data, draws)
    assert [row.name for row in rows] == [
        "log joint",
        *(f"log density at {v}" for v in ("−1.000", "3.000", "12.00")),
        *("lowest loc", "middle loc", "highest loc", "largest weight", "scale"),
    ]
    for row, other in zip(rows, invariant_rows(data, mixed), strict=True):
        assert row[1:] == pytest.approx(other[1:], rel=1e-9)
    middle = np.sort(draws.draws["locs"][..., 0], axis=-1)[..., 1]
    row = rows[5]
    assert row.r_hat == pytest.approx(float(array_stats.rhat(middle, **AXES)), rel=1e-12)
    assert row.ess_bulk == pytest.approx(float(array_stats.ess(middle, **AXES)), rel=1e-12)
    tail = array_stats.ess(middle, method="tail", prob=(0.05, 0.95), **AXES)
    assert row.ess_tail == pytest.approx(float(tail), rel=1e-12)
    assert row.mcse == pytest.approx(float(array_stats.mcse(middle, **AXES)), rel=1e-12)
    # Independent draws: the standard error of their mean.
    assert row.mcse == pytest.approx(row.sd / 20, rel=0.25)


def test_density_at_a_row_of_several_columns_is_named_by_its_row():
    draws = separated(C=2, S=10, K=7, D=2, tied=False)
    data = Dataset.from_values([[9.0, 9.0], [-1.0, 0.0]])
    by_name = {quantity.name: quantity.draws for quantity in invariant_draws(data, draws, column=1)}
    assert {"lowest loc", "highest loc", "smallest scale", "largest scale"} <= set(by_name)
    point = draws.parameters[13]
    assert by_name["log density at row 2"][1, 3] == pytest.approx(
        log_density(point, data.values)[1], rel=1e-12
    )


def test_ranks_of_alike_chains_are_level_and_of_a_stuck_chain_are_not():
    rng = np.random.default_rng(0)
    level = rank_counts(rng.standard_normal((4, 1000)))
    assert level.shape == (4, 20)
    assert level.mean(axis=1) == pytest.approx(np.ones(4))
    # A count of 50 has a standard error of 7: five of them.
    assert np.all(np.abs(level - 1) < 0.7)
    stuck = rank_counts(rng.standard_normal((2, 1000)) + np.array([[0.0], [20.0]]))
    assert stuck[0] == pytest.approx(np.r_[np.full(10, 2.0), np.zeros(10)])


def test_energy_fraction_is_that_of_arviz_stats():
    energy = np.cumsum(np.random.default_rng(1).standard_normal((3, 200)), axis=1)
    rows = chain_rows({"diverging": np.zeros((3, 200)), "energy": energy})
    expected = array_stats.bfmi(energy)
    # arviz-stats divides the squares by one more, and the variance by S - 1.
    assert [row.e_bfmi for row in rows] == pytest.approx(expected, rel=0.02)


def test_trust_looks_along_every_column():
    draws = separated(C=2, S=300, K=2, D=2)
    draws.draws["locs"][1, :, 0, 1] -= 5  # one chain elsewhere, seen along the second column only
    data = Dataset.from_values(np.repeat([[0.0], [10.0], [20.0]], 2, axis=1), ["length", "width"])
    rows = every_invariant(data, draws)
    assert len({row.name for row in rows}) == len(rows)
    agreement = chain_agreement(rows, 2)
    assert agreement.verdict == "apart"
    assert (
        "width"
        in max(
            (row for row in rows if row.name.endswith(("length", "width"))), key=lambda r: r.r_hat
        ).name
    )
    assert chain_agreement(rows, 1).verdict == "unknown"
