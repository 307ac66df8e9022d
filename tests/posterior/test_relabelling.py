"""Labels: every permutation of well separated draws is undone, jumps and orders are counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import gmm_core as gmm
from gmm_core.data.dataset import Dataset
from gmm_core.mixture import e_step
from gmm_core.posterior import relabelling
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.relabelling import (
    Labels,
    assigned,
    jumps_so_far,
    label_order,
    ordered,
    permutations,
    seconds_to_order,
    soon,
    stephens,
    with_order,
)
from gmm_core.runs import serialize
from tests.draws import separated, shuffled, with_noise


def points(K, D, seed=5):
    """Ten points near each of the components of `separated`."""
    rng = np.random.default_rng(seed)
    centres = 10.0 * np.repeat(np.arange(K), 10)[:, None] * np.ones(D)
    return Dataset.from_values(centres + rng.standard_normal((10 * K, D)))


@pytest.mark.parametrize(("K", "D", "tied"), [(2, 1, True), (3, 2, True), (5, 1, False)])
def test_relabelling_undoes_random_permutations_exactly(K, D, tied):
    draws = separated(K=K, D=D, tied=tied)
    mixed, order = shuffled(draws)
    assert np.array_equal(np.argsort(order, axis=-1), permutations(mixed))
    back = mixed.relabelled()
    for name, array in draws.draws.items():
        assert np.array_equal(back.draws[name], array)


@pytest.mark.parametrize(("K", "D", "tied"), [(2, 1, True), (3, 2, True), (5, 1, False)])
def test_relabelling_leaves_the_noise_as_it_is(K, D, tied):
    draws = with_noise(separated(K=K, D=D, tied=tied))
    mixed, _ = shuffled(separated(K=K, D=D, tied=tied))
    mixed = with_noise(mixed)
    for back in (mixed.relabelled(), mixed.relabelled(points(K, D))):
        for name, array in draws.draws.items():
            np.testing.assert_allclose(back.draws[name], array, rtol=1e-12)


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


@pytest.mark.parametrize(("K", "D", "tied"), [(2, 1, True), (3, 2, True), (6, 1, False)])
def test_stephens_undoes_random_permutations_exactly(K, D, tied):
    draws = separated(K=K, D=D, tied=tied)
    mixed, order = shuffled(draws)
    assert np.array_equal(np.argsort(order, axis=-1), stephens(mixed, points(K, D)))
    back = mixed.relabelled(points(K, D))
    for name, array in draws.draws.items():
        assert np.array_equal(back.draws[name], array)


def test_stephens_tells_components_apart_by_their_points_where_locs_are_one():
    # Two components at one place, one ten times wider: they own other points of the data.
    draws = separated(C=2, S=100, K=2, D=1, tied=False)
    draws.draws["locs"][..., 1, :] -= 10
    draws.draws["scale_tril"][..., 1, :, :] *= 10
    data = Dataset.from_values(np.r_[np.linspace(-1, 1, 20), np.linspace(-25, 25, 20)])
    mixed, order = shuffled(draws)
    assert np.array_equal(np.argsort(order, axis=-1), stephens(mixed, data))


def test_stephens_divergence_is_not_above_that_of_labels_by_parameters():
    data = gmm.example("tutorial")
    posterior = gmm.sample_posterior(
        data, gmm.Mixture(n_components=3), gmm.NutsOptions(draws=300, warmup=300, chains=2, seed=4)
    )
    _, P = e_step(posterior.parameters, data.values)

    def divergence(order):
        p = np.take_along_axis(P, order.reshape(-1, 3)[:, :, None], axis=1)
        q = p.mean(axis=0)
        return float((p * (np.log(np.maximum(p, 1e-12)) - np.log(np.maximum(q, 1e-12)))).sum())

    assert divergence(stephens(posterior, data)) <= divergence(permutations(posterior)) + 1e-9
    # No single draw does better under another name, the mean being what it is.
    order = stephens(posterior, data).reshape(-1, 3)
    q = np.take_along_axis(P, order[:, :, None], axis=1).mean(axis=0)
    cost = (P * np.log(np.maximum(P, 1e-12))).sum(-1)[:, None, :] - np.einsum(
        "kn,mjn->mkj", np.log(np.maximum(q, 1e-12)), P
    )
    mine = np.take_along_axis(cost, order[:, :, None], axis=2).sum(axis=(1, 2))
    best = np.array([c[linear_sum_assignment(c)].sum() for c in cost])
    assert mine == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("K", [2, 4, 7])
def test_assignments_are_the_cheapest(K):
    cost = np.random.default_rng(K).standard_normal((50, K, K))
    for matrix, columns in zip(cost, assigned(cost), strict=True):
        assert np.array_equal(columns, linear_sum_assignment(matrix)[1])


def test_jumps_renamed_draws_and_orders_are_counted():
    draws = separated(C=2, S=50, K=2, D=1)
    for array in draws.draws.values():
        array[0, 20:30] = array[0, 20:30, ::-1]
        array[1] = array[1][:, ::-1]
    labels = Labels.of(label_order(draws, points(2, 1)))
    assert (labels.jumps, labels.permuted, labels.seen) == (2, 40, 2)
    orders, shares = labels.occupancy()
    assert orders == [(0, 1), (1, 0)]
    assert shares == pytest.approx(np.array([[0.8, 0.2], [0.0, 1.0]]))


def test_occupancy_of_shuffled_draws_is_near_equal_and_of_many_components_not_listed():
    mixed, _ = shuffled(separated(C=2, S=2000, K=3, D=1))
    _, shares = Labels.of(label_order(mixed)).occupancy()
    # Five standard errors of a share of 1/6 among 4,000.
    assert shares.mean(axis=0) == pytest.approx(np.full(6, 1 / 6), abs=0.03)
    many, _ = shuffled(separated(K=5, D=1))
    assert Labels.of(label_order(many)).occupancy() is None
    assert Labels.of(label_order(separated(K=1))).occupancy() is None


def test_jumps_of_running_chains_are_those_of_the_finished_ones():
    draws = separated(C=2, S=60, K=3, D=1)
    for array in draws.draws.values():
        array[0, 20:30] = array[0, 20:30][:, [1, 2, 0]]
        array[1, 50:] = array[1, 50:][:, [1, 0, 2]]
    assert jumps_so_far(draws.draws) == 3
    running = {name: array.copy() for name, array in draws.draws.items()}
    for array in running.values():
        array[0, 25:] = array[1, 40:] = np.nan
    assert jumps_so_far(running) == 1
    assert jumps_so_far({n: a * np.nan for n, a in running.items()}) == 0


def test_ordered_draws_ascend_along_the_column():
    mixed, _ = shuffled(separated(K=3, D=2))
    low = ordered(mixed, 1)
    assert np.all(np.diff(low.draws["locs"][..., 1], axis=-1) > 0)
    assert isinstance(low, Posterior)
    assert low.draws["weights"].sum(axis=-1) == pytest.approx(np.ones((2, 200)))


def test_many_draws_are_matched_in_blocks_as_all_at_once(monkeypatch):
    mixed, _ = shuffled(separated(K=3, D=1, tied=False))
    at_once = label_order(mixed, points(3, 1))
    monkeypatch.setattr(relabelling, "_COSTS", 7 * 3**2)
    assert np.array_equal(label_order(mixed, points(3, 1)), at_once)


def test_an_order_that_is_kept_with_the_draws_is_not_looked_for_again(monkeypatch):
    data = points(3, 1)
    mixed, _ = shuffled(separated(K=3, D=1, tied=False))
    kept = with_order(mixed, data)
    expected = mixed.relabelled(data)
    monkeypatch.setattr(relabelling, "stephens", lambda *_: pytest.fail("looked for it again"))
    monkeypatch.setattr(relabelling, "permutations", lambda *_: pytest.fail("looked for it again"))
    stored = serialize.unpack(serialize.pack(kept))
    for back in (stored.relabelled(data), stored.relabelled()):
        for name, array in expected.draws.items():
            assert np.array_equal(back.draws[name], array)
        assert back.order is None  # of the raw draws, and these have other labels
    # Of some of the chains the largest component may be another one: it is the first here too.
    some = stored.of_chains([1]).relabelled(data).draws["weights"].mean(axis=(0, 1))
    assert np.all(np.diff(some) <= 0)


def test_looking_for_labels_ends_when_it_is_no_longer_wanted(monkeypatch):
    monkeypatch.setattr(relabelling, "_COSTS", 10 * 3**2)
    mixed, _ = shuffled(separated(K=3, D=1, tied=False))
    asked = []

    def going():
        asked.append(True)
        if len(asked) == 5:
            raise gmm.Cancelled()

    with pytest.raises(gmm.Cancelled):
        with_order(mixed, points(3, 1), going)
    assert len(asked) == 5


def test_labels_that_would_take_long_are_found_for_every_so_many_draws():
    data, slow = points(8, 2), separated(K=8, D=2, S=8_000)
    few = slow.of_chains([0])
    assert soon(few, data).every == 2
    assert soon(separated(K=8), data).every == 1
    C, S, K = slow.draws["weights"].shape
    n_points = len(data.values)
    shown = soon(slow, data)
    assert seconds_to_order(C * S, K, n_points) > 2
    assert seconds_to_order(C * shown.n_draws, K, n_points) <= 1
    for name, array in slow.draws.items():
        assert np.array_equal(shown.draws[name], array[:, :: shown.every])
    for name, array in slow.stats.items():
        same = array[:, :: shown.every] if array.shape[1:] else array
        assert np.array_equal(shown.stats[name], same)
    assert shown.of_chains([0]).every == shown.every
    # Labels that were found with the run are at hand for all of its draws.
    order = np.broadcast_to(np.arange(K), (C, S, K))
    assert soon(replace(slow, order=order), data).every == 1
