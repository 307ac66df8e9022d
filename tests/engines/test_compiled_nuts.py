"""nutpie on the kernel draws from the exact posterior, the same draws for the same seed."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from exact import exact_posterior
from points import COVARIANCES, random_dataset

import gmm_core as gmm
from gmm_core.engines import compiled_nuts, families
from gmm_core.mixture import Parameters, log_joint
from gmm_core.posterior.draws import Posterior
from gmm_core.runs.progress import Picture

DATA = gmm.example("tutorial")
MIXTURE = gmm.Mixture()
SHORT = gmm.NutsOptions(draws=60, warmup=60, chains=2, seed=3)
# Ten correlated means: the largest of them passes four standard errors by chance once in 2,000.
LIMIT = 4


@pytest.fixture(scope="module")
def exact():
    return exact_posterior(DATA.values[:, 0])


@pytest.fixture(scope="module")
def posterior():
    return gmm.sample_posterior(DATA, MIXTURE, gmm.NutsOptions(draws=4000, seed=2))


def errors(draws, exact):
    """How many Monte Carlo standard errors each mean is away from its exact value."""
    locs, weights = draws["locs"][..., 0], draws["weights"]
    scale = draws["scale_tril"][:, :, 0, 0, 0]
    # Responsibilities of all draws at once; log densities of all share one scale.
    z = (DATA.values[:, 0, None] - locs[:, :, None, :]) / scale[:, :, None, None]
    log_r = np.log(weights)[:, :, None, :] - 0.5 * z**2
    r = np.exp(log_r - log_r.max(axis=-1, keepdims=True))
    r /= r.sum(axis=-1, keepdims=True)
    together = np.einsum("csik,csjk->csij", r, r)
    lower = np.take_along_axis(weights, locs.argmin(axis=-1)[..., None], axis=-1)[..., 0]
    ordered = np.sort(locs, axis=-1)
    checks = [(lower, exact.lower_weight)]
    checks += [(ordered[..., i], exact.sorted_locs[i]) for i in (0, 1)]
    checks += [(together[..., i, j], exact.coclustering[i, j]) for i, j in ((0, 1), (1, 2), (2, 3))]
    checks += [(scale < exact.scale_quantile(q), q) for q in (0.25, 0.5, 0.75, 0.9)]
    z_scores = []
    for values, expected in checks:
        values = np.asarray(values, dtype=float)
        ess = array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean")
        z_scores.append((values.mean() - expected) / (values.std() / np.sqrt(ess)))
    return np.abs(z_scores)


def test_it_draws_from_the_exact_posterior(posterior, exact):
    assert errors(posterior.draws, exact).max() < LIMIT


def test_the_check_fails_a_sampler_that_stretches_the_scale(posterior, exact):
    wrong = posterior.draws | {"scale_tril": 1.1 * posterior.draws["scale_tril"]}
    assert errors(wrong, exact).max() > LIMIT


def test_the_check_fails_a_sampler_that_forgets_the_jacobian(exact, monkeypatch):
    right = compiled_nuts.Problem.of

    def wrong(*args, jacobian=False):
        problem = right(*args, jacobian=jacobian)
        if jacobian:
            # That of the logarithm of the scale: a scale's power comes first in the family's own.
            problem.numbers[families.own_numbers(problem.layout)] -= 1
        return problem

    monkeypatch.setattr(compiled_nuts.Problem, "of", wrong)
    posterior = gmm.sample_posterior(DATA, MIXTURE, gmm.NutsOptions(draws=4000, seed=2))
    assert errors(posterior.draws, exact).max() > LIMIT


def test_stats_tell_of_the_same_draws(posterior):
    assert posterior.draws["weights"].shape == (4, 4000, 2)
    for name in ("log_joint", "diverging", "tree_depth", "energy", "acceptance"):
        assert posterior.stats[name].shape == (4, 4000)
    assert posterior.stats["step_size"].shape == (4,)
    assert (posterior.stats["step_size"] > 0).all()
    assert posterior.stats["diverging"].dtype == bool
    assert posterior.stats["diverging"].mean() < 0.02
    assert 1 <= posterior.stats["tree_depth"].mean() <= 6
    # Dual averaging aims at this mean of the transitions' acceptance.
    assert posterior.stats["acceptance"].mean() == pytest.approx(0.8, abs=0.12)
    for c, s in ((0, 0), (1, 77), (3, 3999)):
        point = Parameters(**{n: a[c, s] for n, a in posterior.draws.items()})
        expected = log_joint(DATA, MIXTURE, point)
        assert posterior.stats["log_joint"][c, s] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_every_covariance_is_sampled(covariance, tied):
    dataset = random_dataset(40, 2)
    priors = gmm.Priors.for_data(dataset)
    mixture = gmm.Mixture(n_components=2, covariance=covariance, tied=tied, priors=priors)
    posterior = gmm.sample_posterior(dataset, mixture, SHORT)
    assert isinstance(posterior, Posterior)
    assert posterior.draws["scale_tril"].shape == (2, 60, 2, 2, 2)
    assert np.isfinite(posterior.stats["log_joint"]).all()


def test_draws_depend_on_the_seed_alone_and_chains_differ():
    first = gmm.sample_posterior(DATA, MIXTURE, SHORT)
    second = compiled_nuts.sample_chain(DATA, MIXTURE, SHORT, 1, lambda progress: None)
    np.testing.assert_array_equal(first.draws["locs"][1], second.draws["locs"][0])
    assert not np.array_equal(first.draws["locs"][0], first.draws["locs"][1])
    other = gmm.sample_posterior(DATA, MIXTURE, SHORT.model_copy(update={"seed": 4}))
    assert not np.array_equal(first.draws["locs"], other.draws["locs"])


def test_reports_add_up_to_the_draws():
    picture, done = Picture(), []

    def watch(progress):
        done.append((progress.done, progress.total))
        picture.apply(progress.snapshot)

    posterior = gmm.sample_posterior(DATA, MIXTURE, SHORT, on_progress=watch)
    assert done[-1] == (240, 240)
    for name, draws in posterior.draws.items():
        np.testing.assert_array_equal(picture.arrays[f"draws.{name}"], draws)
    np.testing.assert_array_equal(picture.arrays["stats.acceptance"], posterior.stats["acceptance"])
    np.testing.assert_array_equal(picture.arrays["stats.step_size"], posterior.stats["step_size"])
    assert np.isfinite(picture.arrays["warmup.locs"]).all()


def test_cancelling_keeps_what_was_drawn():
    options = gmm.NutsOptions(draws=20_000, warmup=100, chains=1)

    def stop(progress):
        if progress.done > 200:
            raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as stopped:
        gmm.sample_posterior(DATA, MIXTURE, options, on_progress=stop)
    partial = stopped.value.partial
    assert 100 <= partial.n_draws < 20_000
    whole = gmm.sample_posterior(DATA, MIXTURE, options.model_copy(update={"draws": 100}))
    np.testing.assert_array_equal(partial.draws["locs"][:, :100], whole.draws["locs"])


def test_cancelled_before_a_draw_there_is_nothing():
    def stop(progress):
        raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as stopped:
        gmm.sample_posterior(DATA, MIXTURE, SHORT, on_progress=stop)
    assert stopped.value.partial is None


def test_it_samples_without_warm_up_too():
    options = gmm.NutsOptions(draws=7, warmup=0, chains=1)
    posterior = gmm.sample_posterior(DATA, MIXTURE, options)
    assert posterior.n_draws == 7


def test_points_placed_alike_on_both_sides_can_be_begun_from():
    # The gradient by the weight is exactly zero at the plain start.
    dataset = gmm.Dataset.from_values([-1.0, 1.0])
    posterior = gmm.sample_posterior(dataset, MIXTURE, SHORT)
    assert np.isfinite(posterior.draws["locs"]).all()
