"""The estimator keeps scikit-learn's own rules, and finds what scikit-learn finds."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import gmm_core as gmm
from gmm_core.sklearn import Mixture

FAITHFUL = gmm.example("faithful").values


# Arrays of other libraries have to be allowed by the environment, before SciPy is loaded.
OTHER_ARRAYS = "check_array_api_input"
CHECKS = [
    pytest.param(estimator, check, id=check.func.__name__)
    for estimator, check in estimator_checks_generator(
        Mixture(n_components=2, restarts=1, max_iter=20)
    )
    if not check.func.__name__.startswith(OTHER_ARRAYS)
]


@pytest.mark.filterwarnings("ignore")  # the checks fit data on which nothing settles
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"covariance": "full", "tied": False}, "full"),
        ({"covariance": "full", "tied": True}, "tied"),
        ({"covariance": "VVI", "tied": None}, "diag"),
        ({"covariance": "spherical", "tied": False}, "spherical"),
    ],
)
def test_the_optimum_of_the_likelihood_is_scikit_learns(ours, theirs):
    mine = Mixture(2, priors="flat", random_state=0, **ours).fit(FAITHFUL)
    peer = GaussianMixture(
        2, covariance_type=theirs, n_init=10, tol=1e-10, max_iter=5000, reg_covar=0, random_state=0
    ).fit(FAITHFUL)
    assert mine.converged_
    np.testing.assert_allclose(mine.score(FAITHFUL), peer.score(FAITHFUL), rtol=1e-8)
    np.testing.assert_allclose(mine.bic(FAITHFUL), peer.bic(FAITHFUL), rtol=1e-8)
    np.testing.assert_allclose(mine.aic(FAITHFUL), peer.aic(FAITHFUL), rtol=1e-8)
    order = np.argsort(-peer.weights_)
    np.testing.assert_allclose(mine.means_, peer.means_[order], rtol=1e-4)
    probabilities = peer.predict_proba(FAITHFUL)[:, order]
    np.testing.assert_allclose(mine.predict_proba(FAITHFUL), probabilities, atol=1e-4)


def test_a_grid_search_over_a_pipeline_chooses_two_components():
    pipe = make_pipeline(StandardScaler(), Mixture(random_state=0, restarts=4))
    search = GridSearchCV(pipe, {"mixture__n_components": [1, 2]}, cv=3).fit(FAITHFUL)
    assert search.best_params_ == {"mixture__n_components": 2}
    assert set(search.predict(FAITHFUL)) == {0, 1}


def test_samples_have_the_mixtures_moments():
    mixture = Mixture(2, random_state=1).fit(FAITHFUL)
    rows, components = mixture.sample(20_000)
    for k in range(2):
        mine = rows[components == k]
        error = np.sqrt(np.diag(mixture.covariances_[k]) / len(mine))
        assert np.all(np.abs(mine.mean(axis=0) - mixture.means_[k]) < 5 * error)
    share = (components == 0).mean()
    assert abs(share - mixture.weights_[0]) < 5 * np.sqrt(0.25 / len(rows))


def test_what_has_not_settled_is_said():
    with pytest.warns(ConvergenceWarning, match="has not settled: change max_iter"):
        Mixture(3, priors="flat", restarts=1, max_iter=1, random_state=0).fit(FAITHFUL)


def test_unknown_priors_are_named():
    with pytest.raises(ValueError, match="priors is 'strong', but 'tutorial' or 'data' or "):
        Mixture(priors="strong").fit(FAITHFUL)
