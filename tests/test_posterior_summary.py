"""Summaries of draws: held to exact numbers, and the same whatever the components are called."""

from __future__ import annotations

import numpy as np
import pytest

from gmm_core.dataset import Dataset
from gmm_core.mixture import Parameters, log_density, responsibilities
from gmm_core.posterior_summary import (
    central_range,
    chain_rows,
    coclustering,
    densest,
    density_band,
    finite_draws,
    matrix_rows,
    overview,
    permutations,
    summary,
    summary_row,
)
from gmm_core.results import Posterior


def separated(C=2, S=200, K=3, D=2, seed=0, tied=True) -> Posterior:
    """Draws about K distant components, weights falling, each draw with its labels in order."""
    rng = np.random.default_rng(seed)
    centre = 10.0 * np.arange(K)[:, None] * np.ones(D)
    locs = centre + 0.3 * rng.standard_normal((C, S, K, D))
    alpha = 400.0 * np.arange(K, 0, -1) / K
    weights = rng.dirichlet(alpha, size=(C, S))
    scale = np.exp(0.1 * rng.standard_normal((C, S, 1 if tied else K)))
    scale_tril = np.broadcast_to(scale[..., None, None] * np.eye(D), (C, S, K, D, D)).copy()
    return Posterior(
        {"weights": weights, "locs": locs, "scale_tril": scale_tril},
        {
            "log_joint": rng.standard_normal((C, S)),
            "diverging": np.zeros((C, S), dtype=bool),
            "tree_depth": np.full((C, S), 3),
            "energy": rng.standard_normal((C, S)),
            "acceptance": np.full((C, S), 0.9),
            "step_size": np.full(C, 0.5),
        },
    )


def shuffled(posterior: Posterior, seed=1) -> tuple[Posterior, np.ndarray]:
    """Permute the components of every draw at random."""
    C, S, K = posterior.draws["weights"].shape
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(K), (C, S, 1)), axis=-1)

    def taken(a):
        return np.take_along_axis(a, order.reshape(*order.shape, *(1,) * (a.ndim - 3)), axis=2)

    return Posterior({n: taken(a) for n, a in posterior.draws.items()}, posterior.stats), order


@pytest.mark.parametrize(("K", "D", "tied"), [(2, 1, True), (3, 2, True), (5, 1, False)])
def test_relabelling_undoes_random_permutations_exactly(K, D, tied):
    draws = separated(K=K, D=D, tied=tied)
    mixed, order = shuffled(draws)
    assert np.array_equal(np.argsort(order, axis=-1), permutations(mixed))
    back = mixed.relabelled()
    for name, array in draws.draws.items():
        assert np.array_equal(back.draws[name], array)


def test_relabelled_components_are_by_weight_largest_first():
    draws = separated()
    flipped = Posterior({n: a[:, :, ::-1] for n, a in draws.draws.items()}, draws.stats)
    mean = flipped.relabelled().draws["weights"].mean(axis=(0, 1))
    assert np.all(np.diff(mean) < 0)


def test_relabelling_survives_an_empty_component_with_the_largest_log_joint():
    draws = separated(K=2, D=1)
    draws.draws["locs"][0, 7] = [[5.0], [-300.0]]
    draws.draws["weights"][0, 7] = [1 - 1e-12, 1e-12]
    draws.stats["log_joint"][0, 7] = 50.0
    mixed, order = shuffled(draws)
    wrong = np.any(permutations(mixed) != np.argsort(order, axis=-1), axis=-1)
    wrong[0, 7] = False  # it has no label that would be right
    assert not wrong.any()


def test_jumps_are_counted_inside_chains_only():
    draws = separated(C=2, S=50, K=2, D=1)
    for array in draws.draws.values():
        array[0, 20:30] = array[0, 20:30, ::-1]
        array[1] = array[1][:, ::-1]
    data = Dataset.from_values([0.0, 0.1, 10.0, 10.1])
    look = overview(data, draws)
    assert look.jumps == 2
    assert look.labellings == 2


def test_one_component_has_one_labelling_and_no_jumps():
    draws = separated(K=1, D=1)
    look = overview(Dataset.from_values([0.0, 1.0, 2.0]), draws)
    assert (look.jumps, look.labellings) == (0, 1)
    assert np.allclose(look.together, 1)


def test_coclustering_is_the_mean_product_of_responsibilities():
    draws = separated(C=1, S=20, K=3, D=2).parameters
    x = np.random.default_rng(3).uniform(-5, 25, size=(7, 2))
    brute = np.zeros((7, 7))
    for point in draws:
        r = responsibilities(point, x)
        for i in range(7):
            for j in range(7):
                brute[i, j] += 1.0 if i == j else sum(r[i, k] * r[j, k] for k in range(3))
    assert np.allclose(coclustering(draws, x), brute / len(draws), atol=1e-12)


def test_coclustering_and_density_do_not_depend_on_labels():
    draws = separated(K=3, D=2)
    mixed, _ = shuffled(draws)
    x = np.random.default_rng(3).uniform(-5, 25, size=(9, 2))
    grid = np.linspace(-5, 25, 50)
    together = [coclustering(p.parameters, x) for p in (draws, mixed)]
    bands = [density_band(p.parameters, grid, 1) for p in (draws, mixed)]
    assert np.allclose(*together, atol=1e-12)
    assert np.allclose(*bands, atol=1e-12)


def test_density_band_of_equal_draws_is_their_density():
    one = Parameters([0.3, 0.7], [[0.0], [4.0]], [[[1.0]], [[0.5]]])
    same = Parameters(*(np.repeat(a[None], 5, axis=0) for a in vars(one).values()))
    grid = np.linspace(-3, 6, 40)
    for line in density_band(same, grid):
        assert np.allclose(line, np.exp(log_density(one, grid)), rtol=1e-12)


def test_density_band_integrates_out_the_other_columns():
    L = np.array([[2.0, 0.0], [1.5, 1.0]])
    draws = Parameters(np.ones((1, 1)), np.array([[[0.0, 3.0]]]), L[None, None])
    line = density_band(draws, [3.0], column=1)[2, 0]
    assert line == pytest.approx(1 / np.sqrt(2 * np.pi * (1.5**2 + 1)))


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


def test_running_chains_are_summarised_as_far_as_they_are():
    nan = np.nan
    rows = chain_rows(
        {"diverging": np.array([[0, 1, nan], [nan] * 3]), "step_size": np.array([0.5, nan])}
    )
    assert (rows[0].draws, rows[0].divergences, rows[0].step_size) == (2, 1, 0.5)
    assert (rows[1].draws, rows[1].divergences) == (0, 0)
    assert np.isnan(rows[1].acceptance)


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
    found = densest(x, y, central_range(np.r_[x, y]))
    assert found == pytest.approx((0, 11), abs=0.2)
    assert densest(a, a + 0.1, central_range(a)) is None


def test_large_data_is_shown_by_a_few_points_along_it():
    values = np.random.default_rng(0).standard_normal((1000, 1))
    rows = matrix_rows(values)
    assert len(rows) == 60
    assert np.all(np.diff(values[rows, 0]) >= 0)
