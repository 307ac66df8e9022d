"""What a mixture minds of a dataset: the noise's box, patterns of missing values, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points import FOURTEEN, random_point
from scipy.stats import multivariate_normal

import gmm_core as gmm
from gmm_core.mixture.observation import box_of, observed, patterns


def test_noise_fills_the_smaller_of_two_boxes():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 2)) @ np.array([[3.0, 2.9], [0.0, 0.2]])
    centred = x - x.mean(axis=0)
    scores = centred @ np.linalg.svd(centred)[2].T
    assert np.prod(box_of(x)) == pytest.approx(np.prod(np.ptp(scores, axis=0)))
    straight = rng.uniform(size=(400, 2)) * [1, 30]
    assert np.prod(box_of(straight)) <= np.prod(np.ptp(straight, axis=0)) * (1 + 1e-12)
    assert box_of([1.0, 4.0, 2.0]) == pytest.approx([3.0])


def test_points_that_do_not_count_have_no_part_in_the_box():
    x = np.array([[0.0, 0.0], [1.0, 3.0], [2.0, 1.0], [900.0, -900.0]])
    np.testing.assert_allclose(box_of(x, np.array([1.0, 1, 1, 0])), box_of(x[:3]))
    weighted = box_of(x, np.array([2.0, 1, 3, 1]))
    np.testing.assert_allclose(weighted, box_of(np.repeat(x, [2, 1, 3, 1], axis=0)), rtol=1e-12)


def test_every_row_is_in_the_pattern_that_it_has():
    rng = np.random.default_rng(2)
    missing = rng.random((60, 3)) < 0.4
    all_rows = np.concatenate([rows for _, rows in patterns(missing)])
    assert sorted(all_rows) == list(range(60))
    for present, rows in patterns(missing):
        assert (missing[rows] == ~present).all()


def test_what_is_to_be_minded_is_named():
    plain = gmm.Dataset.from_values([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0]])
    assert observed(plain, gmm.Mixture()).plain
    fields = {"weights": [1, 2, 3], "classes": ["a", None, "b"]}
    dataset = gmm.Dataset.from_values(
        [[1.0, np.nan], [3.0, 5.0], [4.0, 4.0]], missing="keep", **fields
    )
    mixture = gmm.Mixture(noise=True, labels="fix")
    assert observed(dataset, mixture).named == (
        "weights",
        "missing values",
        "known classes",
        "noise",
    )
    # Classes that the fit ignores are nothing to it.
    assert observed(dataset, gmm.Mixture()).named == ("weights", "missing values")


def test_parameters_with_noise_sum_to_one_and_keep_it():
    point = gmm.Parameters(
        np.array([0.5, 0.3]), np.zeros((2, 1)), np.ones((2, 1, 1)), np.array(0.2), np.array([4.0])
    )
    assert point.permuted([1, 0]).weights.tolist() == [0.3, 0.5]
    assert point.permuted([1, 0]).noise == 0.2
    assert gmm.log_density(point, [0.0]) == pytest.approx(
        np.log(0.8 / np.sqrt(2 * np.pi) + 0.2 / 4)
    )
    edges = gmm.boundaries(point)
    outside = gmm.responsibilities(point, [edges[0] - 1e-6])[0]
    assert outside.argmax() == 2
    with pytest.raises(ValueError, match="not a distribution"):
        gmm.Parameters(np.array([0.5, 0.5]), np.zeros((2, 1)), np.ones((2, 1, 1)), np.array(0.2))


@st.composite
def observations(draw):
    """A dataset with weights, holes and classes, a mixture with noise, and a point of it."""
    seed, D = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([1, 2, 4]))
    covariance, tied = draw(st.sampled_from(FOURTEEN))
    rng = np.random.default_rng(seed)
    N, K = draw(st.integers(5, 20)), draw(st.integers(2, 3))
    x = rng.normal(size=(N, D)) * 3
    holes = (rng.random((N, D)) < 0.3) & (np.arange(D) != rng.integers(D, size=(N, 1)))
    x[np.where(np.arange(N)[:, None] < 2, False, holes)] = np.nan
    classes = ["a", "b", *rng.choice(["a", "b", ""], N - 2)]
    dataset = gmm.Dataset.from_values(
        x, weights=rng.integers(0, 3, N) + (np.arange(N) < 2), classes=classes, missing="keep"
    )
    mixture = gmm.Mixture(
        n_components=K, covariance=covariance, tied=tied, noise=True, labels="fix"
    )
    mixture = mixture.model_copy(update={"priors": gmm.Priors.for_data(dataset)})
    plain = random_point(mixture.model_copy(update={"noise": False}), D, seed)
    return dataset, mixture, replace(plain, weights=plain.weights * 0.9, noise=np.array(0.1))


quick = settings(max_examples=20, deadline=None)


@given(observations())
@quick
def test_weights_are_the_rows_repeated(observation):
    dataset, mixture, point = observation
    repeated = dataset.take(np.repeat(np.arange(len(dataset.values)), dataset.weights.astype(int)))
    repeated = replace(repeated, weights=None)
    assert gmm.log_joint(dataset, mixture, point) == pytest.approx(
        gmm.log_joint(repeated, mixture, point), rel=1e-9
    )


@given(observations(), st.integers(0, 99))
@quick
def test_the_order_of_rows_does_not_matter(observation, seed):
    dataset, mixture, point = observation
    rows = np.random.default_rng(seed).permutation(len(dataset.values))
    moved = dataset.take(rows)
    # Classes are numbered as they first appear.
    order = [dataset.class_names.index(name) for name in moved.class_names]
    order += list(range(2, mixture.n_components))
    assert gmm.log_joint(moved, mixture, point.permuted(order)) == pytest.approx(
        gmm.log_joint(dataset, mixture, point), rel=1e-9
    )


@given(observations(), st.integers(0, 99))
@quick
def test_a_row_with_a_class_is_the_term_of_its_component(observation, seed):
    dataset, mixture, point = observation
    # The first two rows say which class is which.
    n = 2 + seed % (len(dataset.values) - 2)
    others = dataset.classes[:n], dataset.classes[n + 1 :]
    without = replace(dataset, classes=(*others[0], None, *others[1]))
    with_class = replace(dataset, classes=(*others[0], "b", *others[1]))
    present = np.flatnonzero(~np.isnan(dataset.values[n]))
    row, part = dataset.values[n, present], point.marginal(present)
    term = np.log(part.weights[1]) + multivariate_normal.logpdf(
        row, part.locs[1], part.covariances[1]
    )
    box = box_of(dataset.values, dataset.weights)
    mixed = gmm.log_density(replace(point, box=box), dataset.values[[n]])[0]
    gain = gmm.log_joint(with_class, mixture, point) - gmm.log_joint(without, mixture, point)
    assert gain == pytest.approx(dataset.weights[n] * (term - mixed), abs=1e-7)


def test_a_pattern_that_covers_nothing_is_none():
    x = np.random.default_rng(0).normal(size=(9, 2))
    with_holes, refused = (
        gmm.Dataset.from_values(x, missing=policy) for policy in ("keep", "refuse")
    )
    assert with_holes.fingerprint == refused.fingerprint
    assert not with_holes.incomplete
    assert observed(with_holes, gmm.Mixture()).plain
