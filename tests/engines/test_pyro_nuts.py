"""NUTS draws from the exact posterior of the tutorial's data, and the check can tell when not."""

import numpy as np
import pyro
import pytest
import torch
from arviz_stats.base import array_stats
from exact import exact_posterior
from points import random_dataset

import gmm_core as gmm
from gmm_core.mixture import Parameters, log_joint
from gmm_core.posterior.draws import Posterior
from gmm_core.runs.progress import Picture

DATA = gmm.example("tutorial")
MIXTURE = gmm.Mixture()


@pytest.fixture(scope="module")
def exact():
    return exact_posterior(DATA.values[:, 0])


@pytest.fixture(scope="module")
def posterior():
    # Kept small for two cores; the bounds below come from these draws' own error.
    options = gmm.NutsOptions(draws=600, warmup=300, chains=2, seed=2)
    return gmm.sample_posterior(DATA, MIXTURE, options, engine="pyro")


def errors(draws, exact):
    """How many Monte Carlo standard errors each mean is away from its exact value."""
    C, S, _ = draws["weights"].shape
    flat = {name: array.reshape(C * S, *array.shape[2:]) for name, array in draws.items()}
    r = np.array([gmm.responsibilities(p, DATA.values) for p in Parameters(**flat)])
    together = np.einsum("sik,sjk->sij", r, r).reshape(C, S, 5, 5)
    scale = draws["scale_tril"][:, :, 0, 0, 0]
    locs = np.sort(draws["locs"][..., 0], axis=-1)
    lower = np.take_along_axis(
        draws["weights"], draws["locs"][..., 0].argmin(axis=-1)[..., None], axis=-1
    )[..., 0]
    checks = [(lower, exact.lower_weight), (locs[..., 0], exact.sorted_locs[0])]
    checks += [(locs[..., 1], exact.sorted_locs[1])]
    checks += [(together[..., i, j], exact.coclustering[i, j]) for i, j in ((0, 1), (1, 2), (2, 3))]
    checks += [(scale < exact.scale_quantile(q), q) for q in (0.25, 0.5, 0.75, 0.9)]
    z_scores = []
    for values, expected in checks:
        values = np.asarray(values, dtype=float)
        ess = array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean")
        z_scores.append((values.mean() - expected) / (values.std() / np.sqrt(ess)))
    return np.abs(z_scores)


def test_the_oracle_is_the_published_posterior(exact):
    assert exact.log_evidence == pytest.approx(-17.12553, abs=1e-5)
    assert exact.coclustering[0, 1] == pytest.approx(0.9726, abs=5e-5)
    assert exact.coclustering[1, 2] == pytest.approx(0.0946, abs=5e-5)
    assert exact.coclustering[2, 3] == pytest.approx(0.9784, abs=5e-5)
    assert exact.scale_mean == pytest.approx(1.8226, abs=5e-5)
    assert exact.scale_quantile(0.5) == pytest.approx(1.0958, abs=5e-5)
    np.testing.assert_allclose(exact.sorted_locs, [0.4228, 10.6225], atol=5e-5)
    assert exact.lower_weight == pytest.approx(0.4119, abs=5e-5)


# Ten correlated means: the largest of them passes four standard errors by chance once in 2,000.
LIMIT = 4


def test_nuts_draws_from_the_exact_posterior(posterior, exact):
    assert errors(posterior.draws, exact).max() < LIMIT


def test_the_check_fails_a_sampler_that_stretches_the_scale(posterior, exact):
    wrong = posterior.draws | {"scale_tril": 1.3 * posterior.draws["scale_tril"]}
    assert errors(wrong, exact).max() > LIMIT


def test_the_check_fails_a_sampler_that_forgets_the_jacobian(posterior, exact):
    # Without the Jacobian of the logarithm the scale's density lacks a factor 1 / scale: draws of
    # that sampler are these draws, kept with probability in proportion to it.
    rng = np.random.default_rng(0)
    keep = 1 / posterior.draws["scale_tril"][:, :, 0, 0, 0]
    C, S = keep.shape
    rows = np.stack([np.sort(rng.choice(S, S, p=k / k.sum())) for k in keep])
    wrong = {name: a[np.arange(C)[:, None], rows] for name, a in posterior.draws.items()}
    assert errors(wrong, exact).max() > LIMIT


def test_the_check_fails_a_sampler_of_another_prior(posterior, exact):
    # From where an empty component is worth more, these draws are the wrong ones.
    other = exact_posterior(DATA.values[:, 0], concentration=0.05)
    assert errors(posterior.draws, other).max() > LIMIT


def test_statistics_come_with_every_draw(posterior):
    stats = posterior.stats
    for name in ("log_joint", "diverging", "tree_depth", "energy", "acceptance"):
        assert stats[name].shape == (2, 600)
        assert np.all(np.isfinite(stats[name]))
    assert stats["step_size"].shape == (2,)
    assert stats["diverging"].dtype == bool
    assert stats["tree_depth"].min() >= 1
    assert 0.6 < stats["acceptance"].mean() <= 1
    expected = [log_joint(DATA, MIXTURE, point) for point in posterior.parameters]
    np.testing.assert_allclose(stats["log_joint"].ravel(), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("covariance", "tied"), [("spherical", False), ("diag", True), ("full", True), ("full", False)]
)
def test_nuts_runs_for_every_form_of_covariance(covariance, tied):
    dataset = random_dataset(20, 2)
    mixture = gmm.Mixture(covariance=covariance, tied=tied, priors=gmm.Priors.for_data(dataset))
    options = gmm.NutsOptions(draws=4, warmup=6, chains=1, max_tree_depth=3)
    posterior = gmm.sample_posterior(dataset, mixture, options, engine="pyro")
    assert posterior.draws["scale_tril"].shape == (1, 4, 2, 2, 2)
    # The traced and compiled density is the mixture's own, but for a constant in float32.
    expected = [log_joint(dataset, mixture, point) for point in posterior.parameters]
    np.testing.assert_allclose(posterior.stats["log_joint"][0], expected, rtol=1e-7)


SHORT = gmm.NutsOptions(draws=30, warmup=10, chains=2, seed=1, max_tree_depth=4)


def test_a_run_hangs_on_its_seed_only():
    options = SHORT.model_copy(update={"draws": 6})
    torch.manual_seed(1)
    pyro.get_param_store().clear()
    before = torch.get_rng_state()
    first = gmm.sample_posterior(DATA, MIXTURE, options, engine="pyro")
    assert torch.equal(torch.get_rng_state(), before)
    assert not pyro.get_param_store().keys()
    torch.manual_seed(2)
    second = gmm.sample_posterior(DATA, MIXTURE, options, engine="pyro")
    np.testing.assert_array_equal(first.draws["locs"], second.draws["locs"])
    assert np.any(first.draws["locs"][0] != first.draws["locs"][1])


def test_reports_add_up_to_the_result():
    picture = Picture()
    reports = []

    def watch(progress):
        reports.append((progress.done, progress.total))
        picture.apply(progress.snapshot)

    posterior = gmm.sample_posterior(DATA, MIXTURE, SHORT, engine="pyro", on_progress=watch)
    assert reports[-1] == (80, 80)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    for name in ("weights", "locs", "scale_tril"):
        np.testing.assert_allclose(picture.arrays[f"draws.{name}"], posterior.draws[name])
    np.testing.assert_array_equal(picture.arrays["stats.diverging"], posterior.stats["diverging"])
    assert picture.arrays["warmup.locs"].shape == (2, 10, 2, 1)
    assert np.all(np.isfinite(picture.arrays["warmup.locs"]))


def test_cancelling_keeps_the_draws_so_far():
    def stop(progress):
        if progress.done > 25:
            raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as caught:
        gmm.sample_posterior(DATA, MIXTURE, SHORT, engine="pyro", on_progress=stop)
    partial = caught.value.partial
    assert isinstance(partial, Posterior)
    assert partial.n_chains == 1
    assert 15 < partial.n_draws < 30
    assert partial.stats["energy"].shape == (1, partial.n_draws)


def test_cancelling_in_warm_up_leaves_nothing():
    def stop(progress):
        raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as caught:
        gmm.sample_posterior(DATA, MIXTURE, SHORT, engine="pyro", on_progress=stop)
    assert caught.value.partial is None


def test_flat_priors_are_refused():
    with pytest.raises(ValueError, match="Give every prior"):
        gmm.sample_posterior(DATA, gmm.Mixture(priors=gmm.Priors.flat()), SHORT)
