"""What holds for any mixture: of its closed forms, and of the fits of every example."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points import COVARIANCES, random_dataset, random_point

import gmm_core as gmm
from gmm_core.comparison.sweep import criteria
from gmm_core.mixture import Mixture, Parameters, Priors, sites
from gmm_core.words.fit import fit_answer
from gmm_core.words.membership import membership_answer

forms = st.sampled_from(COVARIANCES)
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None)


@st.composite
def mixtures(draw):
    """A mixture, a point of it and data for it."""
    covariance, tied = draw(forms)
    mixture = Mixture(n_components=draw(st.integers(1, 6)), covariance=covariance, tied=tied)
    D, seed = draw(st.integers(1, 4)), draw(seeds)
    data = random_dataset(draw(st.integers(6, 30)), D, seed)
    return mixture, random_point(mixture, D, seed), data


@given(mixtures(), seeds)
@quick
def test_responsibilities_sum_to_one_and_keep_with_their_points(given_, seed):
    _, point, data = given_
    probs = gmm.responsibilities(point, data.values)
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-12)
    assert (probs >= 0).all()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(probs))
    moved = gmm.responsibilities(point, data.values[rows])
    np.testing.assert_allclose(moved, probs[rows], rtol=1e-12, atol=1e-300)
    order = rng.permutation(probs.shape[1])
    renamed = gmm.responsibilities(point.permuted(order), data.values)
    np.testing.assert_allclose(renamed, probs[:, order], rtol=1e-10, atol=1e-300)


@given(mixtures(), seeds)
@quick
def test_the_order_of_columns_does_not_matter(given_, seed):
    _, point, data = given_
    columns = np.random.default_rng(seed).permutation(data.values.shape[1])
    covariances = point.covariances[:, columns][:, :, columns]
    turned = Parameters(point.weights, point.locs[:, columns], np.linalg.cholesky(covariances))
    np.testing.assert_allclose(
        gmm.responsibilities(turned, data.values[:, columns]),
        gmm.responsibilities(point, data.values),
        rtol=1e-7,
        atol=1e-12,
    )


def moved(mixture, point, data, shift, unit):
    """The same data, priors and point, each column shifted and in another unit [D]."""
    priors, D = mixture.priors, len(unit)
    log_unit = np.log(unit)
    # A spherical scale is one for all columns; its prior is the columns' average.
    priors = Priors(
        concentration=priors.concentration,
        loc_mean=priors.columns("loc_mean", D) * unit + shift,
        loc_scale=priors.columns("loc_scale", D) * unit,
        scale_log_mean=priors.columns("scale_log_mean", D) + log_unit,
        scale_log_sd=priors.columns("scale_log_sd", D),
        correlation=priors.correlation,
    )
    moved_point = Parameters(
        point.weights, point.locs * unit + shift, point.scale_tril * unit[:, None]
    )
    data = gmm.Dataset.from_values(data.values * unit + shift)
    return mixture.model_copy(update={"priors": priors}), moved_point, data


@given(mixtures(), st.floats(-1e3, 1e3), st.lists(st.floats(-6, 6), min_size=4, max_size=4))
@quick
def test_units_change_the_log_joint_by_their_jacobian_only(given_, shift, powers):
    mixture, point, data = given_
    N, D = data.values.shape
    one_unit = mixture.covariance == "spherical"
    unit = 10.0 ** np.array(powers[:1] * D if one_unit else powers[:D])
    mixture_2, point_2, data_2 = moved(mixture, point, data, shift * unit, unit)
    np.testing.assert_allclose(
        gmm.responsibilities(point_2, data_2.values),
        gmm.responsibilities(point, data.values),
        rtol=1e-6,
        atol=1e-9,
    )
    # Every point and every loc is a density over each column, every scale over its own.
    n_scales = np.broadcast_to(sites(mixture, point)["scale"], mixture.scale_shape(D)).size
    per_scale = np.log(unit[0]) * n_scales if one_unit else np.log(unit).sum() * n_scales / D
    jacobian = (N + mixture.n_components) * np.log(unit).sum() + per_scale
    computed = gmm.log_joint(data_2, mixture_2, point_2)
    expected = gmm.log_joint(data, mixture, point) - jacobian
    np.testing.assert_allclose(computed, expected, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize("name", gmm.examples())
@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_every_example_fits_with_every_covariance(name, covariance, tied):
    data = gmm.example(name)
    options = gmm.MapOptions(restarts=3, steps=40, choose="final", polish=True)
    weak = Priors.for_data(data)
    for K, priors in product(range(1, 6), (weak, Priors.tutorial(), Priors.flat())):
        mixture = Mixture(n_components=K, covariance=covariance, tied=tied, priors=priors)
        fit = gmm.fit_map(data, mixture, options)
        # Without a prior that prevents it, all of three starts may collapse.
        sound = ("converged", "moving") + (() if priors is weak else ("collapsed",))
        assert fit.verdict[fit.chosen] in sound
        assert np.isfinite(fit.loss[fit.chosen]).all()
        assert np.isfinite(fit.final_loss[fit.chosen])
        point = fit.parameters.permuted(fit.parameters.order)
        assert np.isfinite(gmm.log_density(point, data.values)).all()
        figures = criteria(data, mixture, point)
        if len(data.values) <= mixture.n_parameters(data.values.shape[1]) + 1:
            assert np.isnan(figures.pop("aicc"))  # it divides by N - p - 1
        assert np.isfinite(list(figures.values())).all()
        segments = fit_answer(data, mixture, fit) + membership_answer(data, point)
        assert "nan" not in "".join(segment.text for segment in segments).lower().split()


@pytest.mark.parametrize("form", ["spherical", "diag", "full", "tied"])
def test_scikit_learn_says_the_same_at_the_same_point(form):
    from sklearn.mixture import GaussianMixture

    data = gmm.example("iris")
    covariance, tied = ("full", True) if form == "tied" else (form, False)
    mixture = Mixture(n_components=3, covariance=covariance, tied=tied)
    point = random_point(mixture, 4, seed=1)
    # Near the data, so that no density is too small to be compared.
    point = Parameters(point.weights, data.values[[0, 60, 120]], point.scale_tril)
    theirs = GaussianMixture(3, covariance_type=form)
    theirs.weights_, theirs.means_ = point.weights, point.locs
    precision = np.linalg.inv(point.scale_tril)
    theirs.precisions_cholesky_ = {
        "spherical": precision[:, 0, 0],
        "diag": np.diagonal(precision, axis1=1, axis2=2),
        "full": precision.transpose(0, 2, 1),
        "tied": precision[0].T,
    }[form]
    theirs.covariances_ = point.covariances
    np.testing.assert_allclose(
        gmm.log_density(point, data.values), theirs.score_samples(data.values), rtol=1e-9
    )
    np.testing.assert_allclose(
        gmm.responsibilities(point, data.values),
        theirs.predict_proba(data.values),
        rtol=1e-9,
        atol=1e-12,
    )
    computed = criteria(data, mixture, point)
    assert computed["bic"] == pytest.approx(theirs.bic(data.values), rel=1e-9)
    assert computed["aic"] == pytest.approx(theirs.aic(data.values), rel=1e-9)
