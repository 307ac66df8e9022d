"""Scores of new points: closed forms at one point, means over draws, outliers as often as said."""

import numpy as np
import pytest
from points import random_dataset, random_point
from scipy.stats import lognorm, norm

import gmm_core as gmm
from gmm_core.data.reading import read_table
from gmm_core.membership.scoring import aligned, score
from gmm_core.mixture import Mixture, Parameters
from gmm_core.posterior.draws import Posterior
from gmm_core.sharing import tables


def draws_of(points):
    """A posterior of one chain with these points as its draws."""
    draws = {n: np.array([[getattr(p, n) for p in points]]) for n in PARTS}
    return Posterior(draws, {"log_joint": np.zeros((1, len(points)))})


PARTS = ("weights", "locs", "scale_tril")
ONE = Parameters([0.3, 0.7], [[0.0], [5.0]], [[[1.0]], [[2.0]]])
OTHER = Parameters([0.5, 0.5], [[1.0], [4.0]], [[[1.0]], [[1.0]]])
NEW = gmm.Dataset.from_values([0.0, 2.5, 5.0, 40.0])


def test_at_one_point_it_is_the_closed_form():
    scores = score(ONE, NEW)
    probs = gmm.responsibilities(ONE, NEW.values)
    np.testing.assert_allclose(scores.probs, probs, rtol=1e-12)
    np.testing.assert_array_equal(scores.probs_low, scores.probs_high)
    np.testing.assert_allclose(scores.log_density, gmm.log_density(ONE, NEW.values), rtol=1e-12)
    np.testing.assert_array_equal(scores.component, probs.argmax(axis=1))
    assert scores.n_draws == 1


def test_over_draws_it_is_their_mean_with_its_spread():
    scores = score(draws_of([ONE, OTHER]), NEW)
    probs_of_draws = np.array([gmm.responsibilities(p, NEW.values) for p in (ONE, OTHER)])
    np.testing.assert_allclose(scores.probs, probs_of_draws.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        scores.probs_low, np.quantile(probs_of_draws, 0.05, axis=0), rtol=1e-10
    )
    np.testing.assert_allclose(
        scores.probs_high, np.quantile(probs_of_draws, 0.95, axis=0), rtol=1e-10
    )
    x = NEW.values[:, 0]
    density = [
        0.3 * norm.pdf(x) + 0.7 * norm.pdf(x, 5, 2),
        0.5 * norm.pdf(x, 1) + 0.5 * norm.pdf(x, 4),
    ]
    np.testing.assert_allclose(np.exp(scores.log_density), np.mean(density, axis=0), rtol=1e-10)
    np.testing.assert_allclose(np.exp(scores.log_density_low), np.min(density, axis=0), rtol=1e-9)
    np.testing.assert_allclose(np.exp(scores.log_density_high), np.max(density, axis=0), rtol=1e-9)


def test_one_in_a_hundred_of_the_models_own_points_is_an_outlier():
    # One Gaussian: the density is below that at |z| = 2.576 for one point in a hundred.
    point = Parameters([1.0], [[3.0]], [[[2.0]]])
    edge = norm.logpdf(norm.ppf(0.995), 0, 1) - np.log(2)
    scores = score(point, gmm.Dataset.from_values([3.0, 3 + 2 * 2.4, 3 + 2 * 2.75, 1e9]))
    # The 1 % quantile of 10,000: its error is 0.001 / density there, about 0.1 nats in log density.
    assert scores.threshold == pytest.approx(edge, abs=0.3)
    assert scores.outlier.tolist() == [False, False, True, True]
    own = np.random.default_rng(5).normal(3, 2, 20_000)
    share = score(point, gmm.Dataset.from_values(own)).outlier.mean()
    assert share == pytest.approx(0.01, abs=0.005)


def test_a_point_beyond_all_densities_still_belongs_somewhere():
    scores = score(draws_of([ONE, OTHER]), gmm.Dataset.from_values([1e200]))
    assert np.isneginf(scores.log_density)
    np.testing.assert_allclose(scores.probs.sum(axis=1), 1)
    assert scores.outlier.all()


def test_many_points_are_scored_in_chunks_as_they_are_at_once(monkeypatch):
    mixture = Mixture(n_components=3, covariance="full", tied=False)
    points = [random_point(mixture, 2, seed) for seed in range(4)]
    data = random_dataset(50, 2)
    whole = score(draws_of(points), data)
    monkeypatch.setattr("gmm_core.membership.scoring._CHUNK", 3 * 4 * 7)
    parts = score(draws_of(points), data)
    for name in ("probs", "probs_low", "probs_high", "log_density", "log_density_low"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_labels_of_draws_follow_those_of_the_fit():
    data = gmm.Dataset.from_values([0.0, 0.2, 5.0, 5.5])
    swapped = draws_of([OTHER.permuted([1, 0])] * 3)
    relabelled = aligned(swapped, ONE, data)
    np.testing.assert_array_equal(relabelled.draws["locs"][0, :, :, 0], [[1, 4]] * 3)
    assert score(relabelled, data).component.tolist() == score(ONE, data).component.tolist()


def test_averaging_over_the_posterior_spreads_what_the_map_is_sure_of():
    data = gmm.example("tutorial")
    posterior = gmm.sample_posterior(
        data, Mixture(), gmm.NutsOptions(draws=300, warmup=300, chains=2, seed=1)
    ).relabelled()
    point = gmm.fit_map(data, Mixture(), gmm.MapOptions(restarts=10, choose="final")).parameters
    new = gmm.Dataset.from_values([5.0])
    scores = score(aligned(posterior, point, data), new)
    assert scores.n_draws == 400
    # The MAP is certain of its boundary; five points cannot say it that well.
    certain = gmm.responsibilities(point, [5.0]).max()
    assert scores.probs.max() < certain - 0.05
    assert (scores.probs_high - scores.probs_low).max() > 0.3


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match="parameters have 1 columns"):
        score(ONE, random_dataset(5, 2))


def test_scores_are_written_with_harmless_names():
    new = gmm.Dataset.from_values([[0.0, 1.0]], columns=["=cmd()", "y"])
    point = Parameters([1.0], [[0.0, 0.0]], [np.eye(2)])
    back = read_table(tables.scores_csv(new, score(point, new)).encode())
    assert "'=cmd()" in back.columns
    row = back.values[0][[back.columns.index(n) for n in ("log density", "outlier")]]
    np.testing.assert_allclose(row, [-np.log(2 * np.pi) - 0.5, 0])


def test_a_row_with_holes_is_scored_by_what_it_has():
    point = Parameters(
        [0.3, 0.7], [[0.0, 1.0], [5.0, -2.0]], [np.diag([1.0, 0.5]), np.diag([2.0, 3.0])]
    )
    values = [[2.0, np.nan], [np.nan, 0.5], [2.0, 0.5], [30.0, np.nan]]
    scores = score(point, gmm.Dataset.from_values(values, ["a", "b"], missing="keep"))
    for row, (d, x) in enumerate([(0, 2.0), (1, 0.5)]):
        parts = point.weights * norm.pdf(x, point.locs[:, d], point.scales[:, d])
        np.testing.assert_allclose(scores.probs[row], parts / parts.sum(), rtol=1e-10)
        assert scores.log_density[row] == pytest.approx(np.log(parts.sum()), rel=1e-10)
    # What is usual of one column is not what is usual of both.
    alone = score(point.marginal([0]), gmm.Dataset.from_values([2.0, 30.0]))
    assert scores.threshold[[0, 3]] == pytest.approx(alone.threshold, abs=0.3)
    assert scores.threshold[2] < scores.threshold[0] - 0.5
    assert scores.outlier.tolist() == [False, False, False, True]


def test_densities_of_transformed_columns_are_those_of_the_table():
    data = gmm.transformed(gmm.Dataset.from_values([1.5, 20.0, 1e9], ["a"]), {"a": "log"})
    point = Parameters([1.0], [[1.0]], [[[0.8]]])
    scores = score(point, data)
    expected = lognorm.logpdf([1.5, 20.0, 1e9], 0.8, scale=np.e)
    np.testing.assert_allclose(scores.log_density, expected, rtol=1e-10)
    assert scores.outlier.tolist() == [False, False, True]
    assert (scores.outlier == (scores.log_density < scores.threshold)).all()
    zero = gmm.transformed(gmm.Dataset.from_values([0.0, 1e4], ["a"]), {"a": "sqrt"})
    assert score(point, zero).outlier.tolist() == [False, True]


def test_noise_is_scored_and_takes_what_is_far_from_all():
    noisy = Parameters([0.6, 0.3], [[0.0], [9.0]], [[[1.0]], [[1.0]]], noise=0.1, box=[20.0])
    new = gmm.Dataset.from_values([0.1, 4.5, 9.2])
    found = score(noisy, new)
    parts = np.array([[0.6 * norm.pdf(x), 0.3 * norm.pdf(x, 9), 0.1 / 20] for x in (0.1, 4.5, 9.2)])
    np.testing.assert_allclose(found.probs, parts / parts.sum(axis=1, keepdims=True), rtol=1e-10)
    np.testing.assert_allclose(np.exp(found.log_density), parts.sum(axis=1), rtol=1e-10)
    assert found.component.tolist() == [0, 2, 1]
    # One point in ten is of the noise: where it is alone nothing is unusual.
    assert found.threshold == pytest.approx(np.log(0.1 / 20))
    assert not found.outlier.any()
    back = read_table(tables.scores_csv(new, found).encode())
    assert "probability of noise" in back.columns
    both = draws_of([ONE, OTHER])
    draws = both.draws | {"weights": 0.9 * both.draws["weights"]}
    draws |= {"noise": np.full((1, 2), 0.1), "box": np.full((1, 2, 1), 20.0)}
    averaged = score(aligned(Posterior(draws, both.stats), noisy, new), new)
    np.testing.assert_allclose(averaged.probs.sum(axis=1), 1)


def test_with_little_noise_one_in_a_hundred_of_all_points_is_an_outlier():
    noise, width = 0.004, 1000.0
    point = Parameters([1 - noise], [[0.0]], [[[1.0]]], noise=noise, box=[width])
    # Its points have the lowest densities: of the others 0.6 % are beyond.
    z = norm.isf((0.01 - noise) / (1 - noise) / 2)
    edge = np.log((1 - noise) * norm.pdf(z) + noise / width)
    assert score(point, NEW).threshold == pytest.approx(edge, abs=0.4)
    beyond = gmm.Dataset.from_values([0.0, z - 0.4, z + 0.4, 40.0])
    assert score(point, beyond).outlier.tolist() == [False, False, True, True]


def test_noise_without_a_box_has_no_usual_density():
    point = Parameters([0.9], [[0.0]], [[[1.0]]], noise=0.1)
    with pytest.raises(ValueError, match="Give the parameters a box"):
        score(point, NEW)
