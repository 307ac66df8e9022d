"""Imputed values are the mean of the row's component, given the rest of the row."""

import csv
import io

import numpy as np
import pytest
from scipy.stats import norm

import gmm_core as gmm
from gmm_core.membership.imputing import imputed
from gmm_core.mixture import Parameters
from gmm_core.sharing.tables import imputed_csv

POINT = Parameters(
    np.array([0.6, 0.4]),
    np.array([[0.0, 0.0, 1.0], [5.0, 4.0, 3.0]]),
    np.array([[[1.0, 0, 0], [0.8, 0.6, 0], [0.1, 0.2, 0.9]], np.diag([1.0, 2.0, 0.5])]),
)


def test_mean_and_sd_are_those_of_the_density_along_what_is_missing():
    holes = [[0.3, np.nan, 1.2], [5.2, 3.0, np.nan], [1.0, 0.2, 0.7], [np.nan, np.nan, 0.4]]
    data = gmm.Dataset.from_values(holes, missing="keep")
    imputation = imputed(data, POINT)
    assert imputation.rows.tolist() == [0, 1, 3, 3]
    assert imputation.columns.tolist() == [1, 2, 0, 1]
    assert imputation.component.tolist() == [0, 1, 0, 0]
    # By summing the component's density over a fine grid of the one missing value.
    grid = np.linspace(-12, 12, 40_001)
    for at, (row, column) in enumerate([(0, 1), (1, 2)]):
        k = imputation.component[at]
        one = Parameters(np.ones(1), POINT.locs[[k]], POINT.scale_tril[[k]])
        points = np.tile(data.values[row], (len(grid), 1))
        points[:, column] = grid
        density = np.exp(gmm.log_density(one, points))
        mean = (grid * density).sum() / density.sum()
        sd = np.sqrt(((grid - mean) ** 2 * density).sum() / density.sum())
        assert imputation.mean[at] == pytest.approx(mean, abs=1e-6)
        assert imputation.sd[at] == pytest.approx(sd, abs=1e-6)


def test_the_table_names_row_column_and_component():
    data = gmm.Dataset.from_values([[0.1, np.nan, 1.0], [5.0, 4.0, np.nan]], missing="keep")
    rows = list(csv.DictReader(io.StringIO(imputed_csv(data, POINT))))
    assert [(r["row"], r["column"], r["component"]) for r in rows] == [
        ("1", "x2", "1"),
        ("2", "x3", "2"),
    ]
    assert float(rows[1]["mean"]) == 3.0
    assert float(rows[1]["standard deviation"]) == 0.5


def test_imputed_values_of_transformed_columns_are_those_of_the_table():
    """Against the regression and the inverses by hand, with moments summed over a fine grid."""
    rng = np.random.default_rng(5)
    table = np.exp(rng.normal([0.5, 1.0, 2.0], [0.6, 0.4, 0.3], (60, 3)))
    holes = table.copy()
    holes[:20, 0] = holes[20:30, 1] = holes[30:35, 2] = np.nan
    data = gmm.Dataset.from_values(holes, ["price", "size", "age"], missing="keep")
    data = gmm.transformed(data, {"price": "log", "size": "sqrt", "age": "standardise"})
    of_age = data.transforms[2]
    root = np.array([[0.6, 0, 0], [0.1, 0.2, 0], [0.2, 0.1, 0.9]])
    point = Parameters([1.0], [[0.5, 1.6, 0.1]], root[None])
    imputation = imputed(data, point)
    back = [np.exp, np.square, lambda z: of_age.center + of_age.scale * z]
    cov = root @ root.T
    for n, d, *numbers in zip(
        imputation.rows,
        imputation.columns,
        imputation.mean,
        imputation.sd,
        imputation.low,
        imputation.median,
        imputation.high,
        strict=True,
    ):
        others = [j for j in range(3) if j != d]
        slope = np.linalg.solve(cov[np.ix_(others, others)], cov[others, d])
        m = point.locs[0, d] + slope @ (data.values[n, others] - point.locs[0, others])
        normal = norm(m, np.sqrt(cov[d, d] - slope @ cov[others, d]))
        assert numbers[2:] == pytest.approx(back[d](normal.ppf([0.05, 0.5, 0.95])))
        z = np.linspace(*normal.ppf([1e-13, 1 - 1e-13]), 20_001)
        share = normal.pdf(z) / normal.pdf(z).sum()
        mean = share @ back[d](z)
        sd = np.sqrt(share @ (back[d](z) - mean) ** 2)
        assert numbers[:2] == pytest.approx([mean, sd], rel=1e-5)
    assert (imputation.low > 0).all()
    rows = list(csv.DictReader(io.StringIO(imputed_csv(data, point))))
    assert {row["column"] for row in rows} == {"price", "size", "age"}
    assert float(rows[0]["median"]) == imputation.median[0]


def test_noise_says_nothing_of_a_value():
    noisy = Parameters(
        np.array([0.3]), np.zeros((1, 2)), 0.01 * np.eye(2)[None], np.array(0.7), np.full(2, 10.0)
    )
    data = gmm.Dataset.from_values([[3.0, np.nan], [0.0, 0.0]], missing="keep")
    imputation = imputed(data, noisy)
    assert imputation.component.tolist() == [1]
    assert np.isnan(imputation.mean[0])
