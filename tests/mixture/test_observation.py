"""What a mixture minds of a dataset: the noise's box, patterns of missing values, refusals."""

import numpy as np
import pytest

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
    found = np.concatenate([rows for _, rows in patterns(missing)])
    assert sorted(found) == list(range(60))
    for there, rows in patterns(missing):
        assert (missing[rows] == ~there).all()


def test_what_is_to_be_minded_is_named():
    plain = gmm.Dataset.from_values([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0]])
    assert observed(plain, gmm.Mixture()).plain
    given = {"weights": [1, 2, 3], "classes": ["a", None, "b"]}
    dataset = gmm.Dataset.from_values(
        [[1.0, np.nan], [3.0, 5.0], [4.0, 4.0]], missing="keep", **given
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
