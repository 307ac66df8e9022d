"""The fourteen families: their names, their sites, their counts, against lambda Q A Q' by SciPy."""

import numpy as np
import pytest
from points import FOURTEEN, random_point
from scipy.stats import lognorm, norm, special_ortho_group

import gmm_core as gmm
from gmm_core.engines.starts import start_sites
from gmm_core.mixture import from_sites, log_prior_terms, prior_draws, sites
from gmm_core.mixture.covariance import FAMILIES
from gmm_core.mixture.size_shape_direction import contrasts

EIGHT = [family.code for family in FAMILIES.values() if family.tied is None]
# Free numbers of the covariances for K = 3, D = 4, by Celeux and Govaert (1995), table 1.
COUNTS = {
    "EII": 1,
    "VII": 3,
    "EEI": 4,
    "VEI": 6,
    "EVI": 10,
    "VVI": 12,
    "EEE": 10,
    "VEE": 12,
    "EVE": 16,
    "VVE": 18,
    "EEV": 22,
    "VEV": 24,
    "EVV": 28,
    "VVV": 30,
}


def member(code, K, D, seed=0):
    """Cholesky factors [K, D, D] of lambda_k Q_k A_k Q_k', in the letters of the code."""
    rng = np.random.default_rng(seed)

    def by_letter(letter, draw, none=None):
        values = {"E": [draw()] * K, "V": [draw() for _ in range(K)], "I": [none] * K}
        return np.array(values[letter])

    size = by_letter(code[0], lambda: np.exp(rng.normal()))
    logs = by_letter(code[1], lambda: rng.normal(size=D), np.zeros(D))
    axes = by_letter(code[2], lambda: special_ortho_group.rvs(D, random_state=rng), np.eye(D))
    shape = np.exp(logs - logs.mean(axis=1, keepdims=True))
    covariances = np.einsum("k,kij,kj,klj->kil", size, axes, shape, axes)
    return np.linalg.cholesky(covariances)


@pytest.mark.parametrize("D", [2, 3, 5])
@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.code)
def test_a_member_is_split_and_put_together_again(family, D):
    mixture = gmm.Mixture(n_components=3, covariance=family.covariance, tied=family.tied)
    L = np.stack([member(family.code, 3, D, seed) for seed in range(4)])
    weights, locs = np.full((4, 3), 1 / 3), np.zeros((4, 3, D))
    values = sites(mixture, gmm.Parameters(weights, locs, L))
    for site in mixture.sites(D):
        assert values[site.name].shape == (4, *site.shape)
    np.testing.assert_allclose(from_sites(mixture, values).scale_tril, L, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("code", EIGHT)
def test_what_is_not_of_the_family_is_refused(code):
    mixture = gmm.Mixture(n_components=3, covariance=code)
    point = gmm.Parameters(np.full(3, 1 / 3), np.zeros((3, 2)), member("VVV", 3, 2))
    with pytest.raises(ValueError, match=f"covariance is {code}.*another form.*VVV"):
        sites(mixture, point)


@pytest.mark.parametrize("condition", [1e9, 1e12])
@pytest.mark.parametrize("code", EIGHT)
def test_a_component_that_nearly_collapsed_is_still_of_its_family(code, condition):
    mixture = gmm.Mixture(n_components=3, covariance=code)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        locs = rng.normal(size=(3, 3))
        values = sites(mixture, gmm.Parameters(np.full(3, 1 / 3), locs, member(code, 3, 3, seed)))
        # An axis of the first component, or of all that share its shape, becomes that short.
        shape = values["shape"][0] if values["shape"].ndim == 2 else values["shape"]
        shape += -np.log(condition) * np.eye(3)[seed % 3] @ contrasts(3)
        point = from_sites(mixture, values)
        # Of the logarithm of the shortest length rounding leaves this much uncertain.
        rounding = 8 * np.finfo(float).eps * np.linalg.cond(point.scale_tril).max()
        again = sites(mixture, point)["scale"]
        np.testing.assert_allclose(np.log(again), np.log(values["scale"]), atol=rounding)
        data = gmm.Dataset.from_values(rng.normal(size=(20, 3)))
        assert np.isfinite(gmm.log_joint(data, mixture, point))


@pytest.mark.parametrize("code", ["EVE", "EVV"])
def test_covariances_of_one_size_are_told_by_those_that_did_not_collapse(code):
    mixture = gmm.Mixture(n_components=3, covariance=code)
    L = member(code, 3, 2)
    size = 0.5 * np.log(np.diagonal(L, axis1=-2, axis2=-1)).sum(axis=-1)[0]
    # Of a covariance that is 1e18 times as long as wide the width is lost to rounding.
    axes = np.linalg.svd(L[0])[0]
    root = axes * np.exp(size) * np.array([10**4.5, 1.15 * 10**-4.5])
    L[0] = np.linalg.qr(root.T)[1].T
    L[0] *= np.sign(np.diagonal(L[0]))
    point = gmm.Parameters(np.full(3, 1 / 3), np.zeros((3, 2)), L)
    assert sites(mixture, point)["scale"] == pytest.approx(np.exp(size), rel=1e-12)
    # Of one that is 1e4 times as long as wide nothing is lost, so this is no member.
    root = axes * np.exp(size) * np.array([10, 1.15 / 10])
    L[0] = np.linalg.qr(root.T)[1].T
    L[0] *= np.sign(np.diagonal(L[0]))
    with pytest.raises(ValueError, match="another form"):
        sites(mixture, gmm.Parameters(np.full(3, 1 / 3), np.zeros((3, 2)), L))


def test_free_numbers_are_those_of_celeux_and_govaert():
    assert {f.code: f.n_parameters(3, 4) for f in FAMILIES.values()} == COUNTS
    assert gmm.Mixture(n_components=3, covariance="VEV").n_parameters(4) == 2 + 12 + 24


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.code)
@pytest.mark.parametrize(("K", "D"), [(1, 1), (1, 3), (3, 1), (3, 4)])
def test_the_reduced_family_has_as_many_numbers(family, K, D):
    same = next(f for f in FAMILIES.values() if f.code == family.reduced(K, D))
    assert same.n_parameters(K, D) == family.n_parameters(K, D)


def test_a_code_and_a_name_are_one_specification():
    for (covariance, tied), family in FAMILIES.items():
        by_code = gmm.Mixture(covariance=family.code)
        assert by_code == gmm.Mixture(covariance=covariance, tied=tied)
        assert by_code == gmm.Mixture(covariance=family.code, tied=None)
    assert gmm.Mixture(covariance="EII") == gmm.Mixture()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"covariance": "VEV", "tied": True}, "'VEV' came with tied=True.*Leave tied out"),
        ({"covariance": "VVV", "tied": True}, "'VVV' came with tied=True"),
        ({"covariance": "full", "tied": None}, "tied=None, but True or False"),
        ({"covariance": "round"}, "'spherical'.*EII, VII"),
    ],
)
def test_what_names_no_family_is_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        gmm.Mixture(**arguments)


@pytest.mark.parametrize("code", EIGHT)
def test_draws_from_the_prior_have_its_spread_in_every_part(code):
    priors = gmm.Priors(concentration=2.0, scale_log_sd=0.7)
    mixture = gmm.Mixture(n_components=3, covariance=code, priors=priors)
    values = sites(mixture, prior_draws(mixture, 3, 4000, seed=1))
    assert np.log(values["scale"]).std() == pytest.approx(0.7, rel=0.05)
    # Axes come in any order, which the squares of contrasts do not depend on.
    assert (values["shape"] ** 2).mean() == pytest.approx(0.49, rel=0.05)


@pytest.mark.parametrize("code", EIGHT)
def test_the_log_prior_is_scipys(code):
    priors = gmm.Priors(scale_log_mean=(0.3, 0.5, 1.0), scale_log_sd=0.7)
    mixture = gmm.Mixture(n_components=2, covariance=code, priors=priors)
    point = random_point(mixture, 3)
    terms, values = log_prior_terms(mixture, point), sites(mixture, point)
    scale = lognorm(0.7, scale=np.exp(0.6)).logpdf(values["scale"]).sum()
    # Along the data's axes the logarithms of lengths are about the columns' means.
    about = (np.array([0.3, 0.5, 1.0]) - 0.6) * (code[2] == "I")
    logs = values["shape"] @ contrasts(3).T - about
    shape = norm(0, 0.7).logpdf(logs @ np.linalg.svd(np.ones((1, 3)))[2][1:].T).sum()
    assert terms["scale"] == pytest.approx(scale)
    assert terms["shape"] == pytest.approx(shape)
    assert "direction" not in terms


@pytest.mark.parametrize("code", EIGHT)
def test_a_start_is_of_the_family_and_as_large_as_the_data(code):
    data = gmm.example("iris")
    mixture = gmm.Mixture(n_components=3, covariance=code)
    start = from_sites(mixture, start_sites(data, mixture, data.values[:3]))
    again = sites(mixture, start)
    np.testing.assert_allclose(from_sites(mixture, again).scale_tril, start.scale_tril, atol=1e-12)
    total = np.trace(start.covariances[0])
    assert total == pytest.approx(data.values.var(axis=0, ddof=1).sum() / 2)


def test_random_points_of_tests_are_members():
    for covariance, tied in FOURTEEN:
        mixture = gmm.Mixture(n_components=2, covariance=covariance, tied=tied)
        sites(mixture, random_point(mixture, 3))
