"""The tree of groups is what ArviZ reads, and its numbers are the densities and the priors."""

import json
import warnings

import numpy as np
import pytest
from scipy.stats import kstest, lognorm, multivariate_normal, norm

import gmm_core as gmm
from gmm_core.posterior.datatree import PRIOR_DRAWS, groups
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.loo import loo

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # announces its next version at import
    import arviz

DATA = gmm.Dataset.from_values(gmm.example("faithful").values[:40], ["eruptions", "waiting"])
MIXTURE = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(DATA))


@pytest.fixture(scope="module")
def posterior():
    options = gmm.NutsOptions(draws=100, warmup=200, chains=2)
    return gmm.sample_posterior(DATA, MIXTURE, options)


@pytest.fixture(scope="module")
def tree(posterior):
    return posterior.to_datatree(DATA, MIXTURE)


def test_log_likelihood_is_each_points_density_under_each_draw(tree, posterior):
    log_likelihood = tree["log_likelihood"]["obs"]
    assert log_likelihood.dims == ("chain", "draw", "point")
    for c, s in ((0, 0), (1, 57)):
        w, m = posterior.draws["weights"][c, s], posterior.draws["locs"][c, s]
        L = posterior.draws["scale_tril"][c, s]
        parts = [w[k] * multivariate_normal(m[k], L[k] @ L[k].T).pdf(DATA.values) for k in range(2)]
        np.testing.assert_allclose(log_likelihood[c, s], np.log(sum(parts)), rtol=1e-9)


def test_arviz_finds_our_leave_one_out(tree, posterior):
    inference = arviz.InferenceData.from_datatree(tree)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of points that are hard to leave out
        theirs = arviz.loo(inference, reff=1.0)
    assert float(theirs.elpd_loo) == pytest.approx(loo(DATA, posterior).elpd, rel=1e-6)


def test_likelihood_of_transformed_columns_is_that_of_the_table(posterior):
    # Draws are draws of whatever was fitted: here of the logarithms of a lognormal table.
    table = gmm.Dataset.from_values(np.exp(DATA.values / 20), ["a", "b"])
    fitted = gmm.transformed(table, {"a": "log", "b": "log"})
    log_likelihood = groups(posterior, fitted)["log_likelihood"]["obs"].values
    w, m = posterior.draws["weights"][1, 3], posterior.draws["locs"][1, 3]
    L = posterior.draws["scale_tril"][1, 3]
    logs = np.log(table.values)
    parts = [w[k] * multivariate_normal(m[k], L[k] @ L[k].T).pdf(logs) for k in range(2)]
    expected = np.log(sum(parts)) - logs.sum(axis=1)
    np.testing.assert_allclose(log_likelihood[1, 3], expected, rtol=1e-9)


def test_relabelled_draws_stand_beside_the_raw_ones(tree, posterior):
    same = posterior.relabelled(DATA)
    for name, axes in (("weights", 3), ("locs", 4), ("scale_tril", 5)):
        for suffix, source in (("", posterior), ("_relabelled", same)):
            array = tree["posterior"][name + suffix]
            assert array.ndim == axes
            np.testing.assert_array_equal(array, source.draws[name])
    assert list(tree["posterior"]["column"].values) == ["eruptions", "waiting"]
    assert list(tree["posterior"]["component"].values) == [1, 2]


def test_replicates_of_the_data_come_from_the_draws(tree, posterior):
    again = tree["posterior_predictive"]["obs"]
    assert again.dims == ("chain", "draw", "point", "column")
    # Each draw's mixture has its mean, and 200 × 40 points know it to their standard error.
    expected = np.einsum("csk,cskd->d", posterior.draws["weights"], posterior.draws["locs"]) / 200
    values = again.values.reshape(-1, 2)
    error = values.std(axis=0) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - expected) < 5 * error)


def test_prior_draws_are_the_priors(tree):
    prior = tree["prior"]
    assert prior["locs"].shape == (1, PRIOR_DRAWS, 2, 2)
    loc = prior["locs"].values[0, :, 0, 0]
    mean, sd = MIXTURE.priors.loc_mean[0], MIXTURE.priors.loc_scale[0]
    assert kstest((loc - mean) / sd, "norm").pvalue > 1e-4
    assert tree["prior_predictive"]["obs"].shape == (1, PRIOR_DRAWS, 40, 2)


def test_without_data_there_are_the_draws_alone(posterior):
    assert set(posterior.to_datatree().children) == {"posterior", "sample_stats"}


def test_what_would_be_too_large_is_left_out(posterior):
    small = groups(posterior, DATA, MIXTURE, budget=2 * 100 * 40)
    assert "log_likelihood" in small
    assert not {"posterior_predictive", "prior_predictive"} & small.keys()


def test_other_data_is_refused(posterior):
    with pytest.raises(ValueError, match="D = 2 columns, but the data has 1"):
        posterior.to_datatree(gmm.example("tutorial"))


def test_groups_of_transformed_columns_are_in_the_units_of_the_table():
    table = gmm.Dataset.from_values(np.exp(DATA.values / 20), DATA.columns)
    data = gmm.transformed(table, {"eruptions": "log", "waiting": "standardise"})
    point = gmm.Parameters([1.0], [[0.2, 0.5]], [[[0.1, 0.0], [0.3, 0.5]]])
    draws = {name: np.broadcast_to(a, (1, 400, *a.shape)) for name, a in point.arrays().items()}
    mixture = gmm.Mixture(n_components=1, covariance="full", tied=False)
    found = Posterior(draws, {"log_joint": np.zeros((1, 400))}).to_datatree(data, mixture)
    np.testing.assert_allclose(found["observed_data"]["obs"], table.values, rtol=1e-13)
    assert list(found["observed_data"]["column"].values) == ["eruptions", "waiting"]
    assert list(found["posterior"]["column"].values) == ["log eruptions", "waiting"]
    assert json.loads(found["posterior"].attrs["units"]) == {
        "log eruptions": 'the natural logarithm of "eruptions"',
        "waiting": 'as in the column "waiting" of the data',
    }
    mean, sd = table.values[:, 1].mean(), table.values[:, 1].std()
    np.testing.assert_allclose(found["posterior"]["locs"][0, 0, 0], [0.2, mean + 0.5 * sd])
    again = found["posterior_predictive"]["obs"].values.reshape(-1, 2)
    assert kstest(again[:, 0], lognorm(0.1, scale=np.exp(0.2)).cdf).pvalue > 1e-4
    width = sd * np.hypot(0.3, 0.5)
    assert kstest(again[:, 1], norm(mean + 0.5 * sd, width).cdf).pvalue > 1e-4
    # The prior's locs of the logarithm have their own spread, its replicates are of the table.
    assert (found["prior_predictive"]["obs"].values[..., 0] >= 0).all()
