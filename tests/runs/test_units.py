"""Fits of data in odd units are those of the same data in usual ones."""

import numpy as np
import pytest
from points import COVARIANCES, random_dataset, random_point

import gmm_core as gmm
from gmm_core.mixture import Mixture, Parameters, Priors
from gmm_core.runs.progress import Picture
from gmm_core.runs.units import rescaled

UNIT = np.array([1e-6, 1e6])
OPTIONS = gmm.MapOptions(restarts=6, steps=100, choose="final", polish=True)
EASY = gmm.Dataset.from_values(
    np.r_[np.random.default_rng(0).normal(0, 1, (40, 2)), np.full((40, 2), 6.0)]
    + np.random.default_rng(1).normal(0, 1, (80, 2))
)
HARD = gmm.Dataset.from_values(EASY.values * UNIT)


def test_usual_data_is_fitted_as_it_is():
    for name in gmm.examples():
        assert rescaled(gmm.example(name), Mixture()) is None


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("flat", [False, True])
def test_the_loss_changes_by_the_constant(covariance, tied, flat):
    data = random_dataset(20, 3)
    odd = gmm.Dataset.from_values(data.values * 1e5)
    priors = Priors.flat() if flat else Priors.for_data(odd)
    mixture = Mixture(n_components=2, covariance=covariance, tied=tied, priors=priors)
    units = rescaled(odd, mixture)
    point = random_point(mixture, 3)
    in_units = gmm.log_joint(units.dataset, units.mixture, point)
    original = gmm.log_joint(odd, mixture, units.point(point))
    assert -original == pytest.approx(-in_units + units.constant, rel=1e-10)


def fitted(data, covariance, tied, engine="compiled", options=OPTIONS, **more):
    mixture = Mixture(covariance=covariance, tied=tied, priors=Priors.for_data(data))
    return gmm.fit_map(data, mixture, options, engine=engine, **more)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES[2:])
def test_the_fit_is_the_same_in_other_units(covariance, tied):
    easy, hard = fitted(EASY, covariance, tied), fitted(HARD, covariance, tied)
    assert hard.verdict[hard.chosen] == "converged"
    expected, converted = (fit.parameters.permuted(fit.parameters.order) for fit in (easy, hard))
    np.testing.assert_allclose(converted.weights, expected.weights, rtol=1e-4)
    np.testing.assert_allclose(converted.locs, expected.locs * UNIT, rtol=1e-3)
    np.testing.assert_allclose(converted.scales, expected.scales * UNIT, rtol=1e-4)


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_losses_curves_and_reports_are_in_the_datas_units(engine):
    picture = Picture()
    options = gmm.MapOptions(restarts=2, steps=10, choose="final")
    fit = fitted(
        HARD, "diag", True, engine, options, on_progress=lambda p: picture.apply(p.snapshot)
    )
    mixture = Mixture(covariance="diag", tied=True, priors=Priors.for_data(HARD))
    steps, frames = fit.trajectory
    for m in (0, 5):
        loss = -gmm.log_joint(HARD, mixture, frames[m])
        assert fit.loss[fit.chosen, steps[m]] == pytest.approx(loss, rel=1e-9)
    loss = -gmm.log_joint(HARD, mixture, fit.parameters)
    assert fit.final_loss[fit.chosen] == pytest.approx(loss, rel=1e-9)
    np.testing.assert_array_equal(picture.arrays["loss"], fit.loss)
    seen = Parameters(*(picture.arrays[n] for n in ("weights", "locs", "scale_tril")))
    assert 1e-7 < seen.scales[0, 0] < 1e-4 < 1e5 < seen.scales[0, 1] < 1e8


def test_balls_over_columns_of_unlike_spread_are_polished_to_the_end():
    rng = np.random.default_rng(3)
    values = np.r_[rng.normal(0, 1, (60, 2)), rng.normal(5, 1, (60, 2))] * [1.0, 200.0]
    data = gmm.Dataset.from_values(values)
    options = gmm.MapOptions(restarts=8, steps=50, choose="final", polish=True, start="kmeans++")
    for tied in (True, False):
        fit = gmm.fit_map(data, Mixture(n_components=3, tied=tied, priors=Priors.flat()), options)
        assert fit.count("moving") == 0


@pytest.mark.parametrize("engine", ["compiled", "pyro"])
def test_data_far_from_zero_is_fitted_as_about_zero(engine):
    # Sixteenths, which are numbers at 1e12 as well: both are the same data.
    values = np.round(EASY.values * 16) / 16
    near, far = (gmm.Dataset.from_values(values + offset) for offset in (0.0, 1e12))
    options = gmm.MapOptions(restarts=3, steps=60, choose="final", polish=True, start="kmeans++")
    fits = [fitted(d, "full", False, engine, options) for d in (near, far)]
    about_zero, far_away = (
        f.parameters.permuted(np.argsort(f.parameters.locs[:, 0])) for f in fits
    )
    assert fits[1].verdict[fits[1].chosen] == "converged"
    np.testing.assert_allclose(far_away.locs - 1e12, about_zero.locs, atol=1e-3)
    np.testing.assert_allclose(far_away.covariances, about_zero.covariances, rtol=1e-6)
    assert fits[1].final_loss.min() == pytest.approx(fits[0].final_loss.min(), rel=1e-7)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_a_point_comes_back_from_its_units(covariance, tied):
    data = gmm.Dataset.from_values(random_dataset(20, 3).values * 1e5 + 1e13)
    mixture = Mixture(n_components=2, covariance=covariance, tied=tied)
    point = random_point(mixture, 3)
    units = rescaled(data, mixture)
    back = units.inside(units.point(point))
    np.testing.assert_allclose(back.locs, point.locs, atol=1e-7)
    np.testing.assert_allclose(back.scale_tril, point.scale_tril, rtol=1e-15)
