"""Transformed columns: the numbers, the way back, the change of variables, and what is refused."""

import json
import pickle
import re

import numpy as np
import pytest
from scipy.stats import lognorm

import gmm_core as gmm
from gmm_core.data.transformed import complete_rows, like, table_columns
from gmm_core.data.transforms import TRANSFORMS, Applied, dumped, loaded

FAITHFUL = gmm.example("faithful")
X = np.array([0.25, 1.0, 2.0, 7.5, 400.0])


@pytest.fixture
def skewed():
    rng = np.random.default_rng(4)
    return gmm.Dataset.from_values(np.round(np.exp(rng.normal(1, 0.7, (60, 2))), 3), ["a", "b"])


@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_transform_has_its_inverse_and_its_slope(name):
    how = Applied(name, "x", 2.0, 3.0)
    z = how.forward(X)
    assert how.inverse(z) == pytest.approx(X, rel=1e-14)
    step = 1e-6 * X
    slope = (how.forward(X + step) - how.forward(X - step)) / (2 * step)
    assert how.log_slope(z) == pytest.approx(np.log(slope), abs=1e-8)
    assert np.isnan(how.forward(np.array([np.nan, 1.0]))).tolist() == [True, False]


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize(("m", "sd"), [(1.2, 0.3), (-0.2, 0.8), (4.0, 1e-7)])
def test_each_transform_tells_the_moments_of_a_normal_in_the_table(name, m, sd):
    how = Applied(name, "x", 1.5, 2.0) if name == "standardise" else Applied(name, "x")
    z = m + sd * np.linspace(-9, 9, 100_001)
    share = np.exp(-(((z - m) / sd) ** 2) / 2)
    share /= share.sum()
    x = how.inverse(z)
    expected = share @ x, np.sqrt(share @ (x - share @ x) ** 2)
    assert how.moments(np.array(m), np.array(sd)) == pytest.approx(expected, rel=1e-6)


def test_columns_are_transformed_and_say_so(skewed):
    data = gmm.transformed(skewed, {"a": "log", "b": "standardise"})
    assert data.columns == ("log a", "b (sd)")
    assert data.values[:, 0].tolist() == np.log(skewed.values[:, 0]).tolist()
    assert data.values[:, 1].mean() == pytest.approx(0, abs=1e-14)
    assert data.values[:, 1].std() == pytest.approx(1)
    assert table_columns(data) == ("a", "b")
    assert gmm.original(data) == skewed
    assert data.select("log a").transforms == data.transforms[:1]
    assert data.take([3, 1]).transforms == data.transforms
    assert gmm.transformed(skewed, {}) is skewed
    copy = pickle.loads(pickle.dumps(data))
    assert copy == data
    assert copy.transforms == data.transforms
    assert loaded(json.loads(json.dumps(dumped(data.transforms)))) == data.transforms


def test_the_same_numbers_with_and_without_a_transform_are_different_data(skewed):
    data = gmm.transformed(skewed, {"a": "log"})
    plain = gmm.Dataset.from_values(data.values, data.columns)
    assert plain.fingerprint != data.fingerprint
    assert gmm.Dataset(data.values, data.columns, transforms=(None, None)) == plain


def test_the_log_likelihood_of_a_logarithm_is_that_of_the_lognormal(skewed):
    x = skewed.select("a")
    data = gmm.transformed(x, {"a": "log"})
    mean, sd = data.values.mean(), data.values.std()
    point = gmm.Parameters([1.0], [[mean]], [[[sd]]])
    computed = gmm.log_density(point, data.values).sum() + gmm.log_jacobian(data)
    expected = lognorm.logpdf(x.values[:, 0], s=sd, scale=np.exp(mean)).sum()
    assert computed == pytest.approx(expected, rel=1e-12)


def test_standardising_changes_no_likelihood_of_the_table():
    """A full Gaussian fits standardised columns as well as the columns themselves."""
    data = gmm.transformed(FAITHFUL, dict.fromkeys(FAITHFUL.columns, "standardise"))
    log_likelihoods = []
    for dataset in (FAITHFUL, data):
        x = dataset.values
        factor = np.linalg.cholesky(np.cov(x.T, bias=True))
        point = gmm.Parameters([1.0], [x.mean(axis=0)], [factor])
        log_likelihoods.append(gmm.log_density(point, x).sum() + gmm.log_jacobian(dataset))
    assert log_likelihoods[1] == pytest.approx(log_likelihoods[0], rel=1e-12)


def test_weights_count_as_rows_do_and_what_is_missing_does_not():
    x, w = np.array([[1.0, 4.0], [2.0, 1.0], [5.0, 9.0]]), np.array([2, 0, 1])
    how = {"x1": "standardise", "x2": "sqrt"}
    weighted = gmm.transformed(gmm.Dataset.from_values(x, weights=w), how)
    repeated = gmm.transformed(gmm.Dataset.from_values(x.repeat(w, axis=0)), how)
    assert weighted.transforms == repeated.transforms
    assert gmm.log_jacobian(weighted) == pytest.approx(gmm.log_jacobian(repeated), rel=1e-14)
    holes = gmm.Dataset.from_values([[1.0, 4.0], [np.nan, 9.0]], missing="keep")
    logs = gmm.transformed(holes, {"x1": "log", "x2": "log"})
    assert np.isnan(logs.values).tolist() == [[False, False], [True, False]]
    assert gmm.log_jacobian(logs) == pytest.approx(-np.log(36))


def test_new_points_are_transformed_as_others_were(skewed):
    data = gmm.transformed(skewed, {"b": "standardise"})
    new = like(skewed.take([5, 7]), data.transforms)
    assert new.values.tolist() == data.values[[5, 7]].tolist()
    assert new.columns == data.columns
    assert like(skewed, None) is skewed


def test_rows_are_shown_in_the_tables_own_numbers_and_without_holes():
    values = np.array([[np.nan, 3.0], [2.5, np.nan], [7.1, 4.0], [8.0, 5.0]])
    holed = gmm.Dataset.from_values(values, ["a", "b"], missing="keep", weights=[1, 1, 0, 1])
    assert complete_rows(holed, 1) == [[7.1, 4.0]]
    fitted = gmm.transformed(holed, {"a": "log", "b": "standardise"})
    assert complete_rows(fitted, 3) == [[7.1, 4.0], [8.0, 5.0]]
    every = gmm.Dataset.from_values(values[:2], ["a", "b"], missing="keep")
    assert complete_rows(every, 3) == [[2.5, 3.0]]


def test_a_square_root_of_zero_is_fitted_but_compares_with_nothing():
    data = gmm.transformed(gmm.Dataset.from_values([0.0, 1.0, 4.0]), {"value": "sqrt"})
    assert data.values[:, 0].tolist() == [0, 1, 2]
    assert gmm.log_jacobian(data) == np.inf


def test_what_cannot_be_transformed_is_said_in_words():
    data = gmm.Dataset.from_values([[1.0, 2.0], [0.0, 2.0], [-3.0, 2.0]], ["a", "b"])
    for how, message in (
        ({"a": "log"}, '"a" takes values above zero, but 2 of 3 values are not; the first is 0'),
        ({"a": "sqrt"}, "zero or above, but 1 of 3 values is not; the first is -3, value 3"),
        ({"b": "standardise"}, '"b" has the standard deviation 0'),
        ({"c": "log"}, 'came for "c", which is not among the columns. Choose from "a", "b"'),
        ({"a": "cube"}, "There is no transform 'cube'. Choose 'log', 'sqrt', 'standardise'"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            gmm.transformed(data, how)
    logs = gmm.transformed(data, {"b": "log"})
    with pytest.raises(ValueError, match='transform came for "b"'):
        gmm.transformed(logs, {"b": "log"})
    with pytest.raises(ValueError, match='"log b" is transformed already'):
        gmm.transformed(logs, {"log b": "log"})
    with pytest.raises(ValueError, match="1 transforms came for 2 columns"):
        gmm.Dataset(data.values, transforms=(Applied("log", "a"),))


def test_a_file_is_read_transformed_and_its_columns_go_along():
    text = b"a;b;kind\n1,5;2;x\n2,5;4;y\n0,5;8;x\n"
    data = gmm.read_dataset(text, transforms={"b": "log"})
    assert data.columns == ("a", "log b")
    assert data.values[:, 1].tolist() == np.log([2.0, 4.0, 8.0]).tolist()
    assert data.rows.columns["b"].tolist() == [2, 4, 8]
    assert set(data.rows.columns) == {"b", "kind"}
    assert set(gmm.original(data).rows.columns) == {"kind"}
    with pytest.raises(ValueError, match='Transforms of "b" came for data in partitions'):
        gmm.read_dataset("folder/*.parquet", transforms={"b": "log"}, partitioned=True)
