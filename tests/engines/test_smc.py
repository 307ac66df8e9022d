"""Modes are weighed as in the posterior: against exact sums, and against wrong samplers."""

from itertools import permutations

import numpy as np
import pytest
from exact import exact_posterior
from points import COVARIANCES, random_dataset, random_point

import gmm_core as gmm
from gmm_core.engines import families, modes, reference, smc
from gmm_core.engines.problem import Problem
from gmm_core.inference.run import combine, run_part
from gmm_core.mixture import sites
from gmm_core.posterior.evidence import pooled
from gmm_core.posterior.invariants import coclustering
from gmm_core.posterior.mode_weights import highest
from gmm_core.runs.progress import Picture

TUTORIAL, FAITHFUL = gmm.example("tutorial"), gmm.example("faithful")
GALAXIES = gmm.example("galaxies")
FULL = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(FAITHFUL))
UNTIED = gmm.Mixture(n_components=3, tied=False, priors=gmm.Priors.for_data(GALAXIES))
SHORT = gmm.SmcOptions(draws=100, populations=2, seed=3)
LIMIT = 4  # Monte Carlo standard errors


@pytest.fixture(scope="module")
def exact():
    return exact_posterior(TUTORIAL.values[:, 0])


@pytest.fixture(scope="module")
def posterior():
    return gmm.sample_posterior(TUTORIAL, gmm.Mixture(), engine="smc")


def errors(posterior, exact):
    """How many Monte Carlo errors each mean is away from its exact value."""
    draws = posterior.draws
    locs, weights = draws["locs"][..., 0], draws["weights"]
    scale = draws["scale_tril"][:, :, 0, 0, 0]
    z = (TUTORIAL.values[:, 0, None] - locs[:, :, None, :]) / scale[:, :, None, None]
    log_r = np.log(weights)[:, :, None, :] - 0.5 * z**2
    r = np.exp(log_r - log_r.max(axis=-1, keepdims=True))
    r /= r.sum(axis=-1, keepdims=True)
    together = np.einsum("csik,csjk->csij", r, r)
    ordered = np.sort(locs, axis=-1)
    lower = np.take_along_axis(weights, locs.argmin(axis=-1)[..., None], axis=-1)[..., 0]
    checks = [(lower, exact.lower_weight)]
    checks += [(ordered[..., i], exact.sorted_locs[i]) for i in (0, 1)]
    checks += [(together[..., i, j], exact.coclustering[i, j]) for i, j in ((0, 1), (1, 2), (2, 3))]
    checks += [(scale < exact.scale_quantile(q), q) for q in (0.25, 0.5, 0.75, 0.9)]
    z_scores = []
    for values, expected in checks:
        means = np.asarray(values, dtype=float).mean(axis=1)
        # Populations know nothing of each other, but eight of them tell their own spread badly:
        # no smaller than that of independent draws.
        error = max(means.std(ddof=1), values.std() / np.sqrt(values.shape[1]))
        z_scores.append(abs(means.mean() - expected) / (error / np.sqrt(len(means))))
    return np.array(z_scores)


def test_it_draws_from_the_exact_posterior(posterior, exact):
    assert errors(posterior, exact).max() < LIMIT
    value, mcse = posterior.log_evidence
    assert abs(value - exact.log_evidence) < LIMIT * mcse
    assert mcse < 0.05


def test_a_wrong_jacobian_is_seen(exact, monkeypatch):
    right = Problem.of

    def wrong(*args, **kwargs):
        problem = right(*args, **kwargs)
        # That of the logarithm of the scale: a scale's power comes first in the family's own.
        problem.numbers[families.own_numbers(problem.layout)] -= 1
        return problem

    monkeypatch.setattr(smc.Problem, "of", wrong)
    reference.reference.cache_clear()
    posterior = gmm.sample_posterior(TUTORIAL, gmm.Mixture(), engine="smc")
    reference.reference.cache_clear()
    assert errors(posterior, exact).max() > LIMIT


def test_forgotten_importance_weights_are_seen(exact, monkeypatch):
    right = smc._Population._step

    def wrong(population, log_ratio, temperature):
        right(population, np.where(np.isfinite(log_ratio), 0.0, log_ratio), temperature)

    monkeypatch.setattr(smc._Population, "_step", wrong)
    posterior = gmm.sample_posterior(TUTORIAL, gmm.Mixture(), engine="smc")
    assert errors(posterior, exact).max() > LIMIT


def test_a_mode_left_out_of_the_reference_is_told_by_the_weights(monkeypatch):
    complete = gmm.evidence(FAITHFUL, FULL, SHORT)
    # Importance sampling with 24,000 draws in effect, without a temperature.
    assert complete.log_evidence == pytest.approx(-1164.67, abs=0.05)
    assert complete.mcse < 0.05
    assert complete.pareto_k.max() < 0.5
    monkeypatch.setattr(modes, "candidates", lambda *of: [])
    reference.reference.cache_clear()
    unknown = gmm.evidence(FAITHFUL, FULL, SHORT)
    reference.reference.cache_clear()
    assert unknown.pareto_k.min() > 0.7
    # Temperatures from the prior find it all the same, with less to be sure of.
    assert unknown.log_evidence == pytest.approx(complete.log_evidence, abs=1)


def test_a_mode_that_only_chains_have_found_gets_its_weight(monkeypatch):
    """Three groups and two components: the middle one goes with the left or the right."""
    x = 2.5 * np.array([-3.1, -3.0, -2.9, -0.1, 0.05, 0.1, 2.9, 3.05, 3.2])
    data = gmm.Dataset.from_values(x)
    priors = gmm.Priors(concentration=2, loc_scale=10, scale_log_sd=0.1)
    mixture = gmm.Mixture(priors=priors)
    exact = exact_posterior(x, 2, 10, 0.1)
    left = exact.coclustering[2, 3]  # a little more than half
    options = gmm.SmcOptions(draws=200, populations=4, prior_share=0.005)
    chains = gmm.sample_posterior(data, mixture, gmm.NutsOptions(draws=100, warmup=200, chains=6))

    def weighed(options, **more):
        posterior = gmm.sample_posterior(data, mixture, options, engine="smc", **more)
        points = gmm.Parameters.of(posterior.draws).reshape(-1)
        return posterior, coclustering(points, data.values)[2, 3]

    every = modes.candidates
    monkeypatch.setattr(modes, "candidates", lambda *of: every(*of)[1:2])
    reference.reference.cache_clear()
    missing, share = weighed(options)
    assert abs(share - left) > 0.3
    assert missing.log_evidence.value < exact.log_evidence - 0.5

    from_chains = options.model_copy(update={"start": "given"})
    weighed_with, share = weighed(from_chains, start=highest(chains))
    monkeypatch.undo()
    reference.reference.cache_clear()
    assert abs(share - left) < LIMIT * np.sqrt(left * (1 - left) / 800)
    value, mcse = weighed_with.log_evidence
    assert abs(value - exact.log_evidence) < LIMIT * mcse
    assert weighed_with.stats["added"].tolist() == [1.0] * 4

    # Where the search knows them all, nothing is added, and nothing is weighed twice.
    weighed_again, _ = weighed(from_chains, start=highest(chains))
    assert weighed_again.stats["added"].tolist() == [0.0] * 4
    assert weighed_again.stats["mode"].max() == weighed(options)[0].stats["mode"].max()


def test_two_roads_lead_to_one_evidence():
    """From the modes, and from the prior alone, which knows none."""
    from_modes = gmm.evidence(GALAXIES, UNTIED)
    share = gmm.SmcOptions(prior_share=0.999, draws=1000, populations=4)
    from_prior = gmm.evidence(GALAXIES, UNTIED, share)
    gap = from_modes.log_evidence - from_prior.log_evidence
    assert abs(gap) < LIMIT * np.hypot(from_modes.mcse, from_prior.mcse)
    assert from_modes.mcse < 0.05
    assert from_prior.mcse < 0.5
    assert from_modes.pareto_k.mean() < 0.7 < from_prior.pareto_k.mean()


@pytest.mark.parametrize(
    ("data", "mixture"), [(TUTORIAL, gmm.Mixture()), (FAITHFUL, FULL), (GALAXIES, UNTIED)]
)
def test_every_label_order_has_its_share(data, mixture):
    posterior = gmm.sample_posterior(data, mixture, gmm.SmcOptions(draws=200), engine="smc")
    locs = posterior.draws["locs"][..., 0].reshape(-1, mixture.n_components)
    _, counts = np.unique(np.argsort(locs, axis=1), axis=0, return_counts=True)
    orders = len(list(permutations(range(mixture.n_components))))
    assert len(counts) == orders
    error = np.sqrt((1 / orders) * (1 - 1 / orders) / len(locs))
    assert np.abs(counts / len(locs) - 1 / orders).max() < LIMIT * error


def test_modes_have_shares_that_sum_to_one():
    posterior = gmm.sample_posterior(GALAXIES, UNTIED, SHORT, engine="smc")
    shares = posterior.weights_of_modes
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["mode 1"] > 0.4
    assert shares["elsewhere"] < 0.05
    assert gmm.Posterior({}, {}).weights_of_modes is None
    assert gmm.Posterior({}, {}).log_evidence is None


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_the_density_is_the_same_in_every_order_of_components(covariance, tied):
    """What folding the posterior into one order rests on: its coordinates' volume included."""
    data = random_dataset(20, 2)
    priors = gmm.Priors.for_data(data)
    mixture = gmm.Mixture(n_components=3, covariance=covariance, tied=tied, priors=priors)
    problem = Problem.of(data, mixture, "bijection", jacobian=True)
    point = random_point(mixture, 2)
    values = [
        problem.value_and_gradient(problem.unconstrain(sites(mixture, point.permuted(order))))[0]
        for order in permutations(range(3))
    ]
    assert values == pytest.approx([values[0]] * 6, rel=1e-12)


def test_a_normal_posterior_has_its_own_mode_curvature_and_mass():
    """With one component and a known scale the posterior of the loc is normal."""
    data = gmm.Dataset.from_values([-1.0, 0.0, 2.0, 3.0])
    priors = gmm.Priors(loc_scale=2.0, scale_log_mean=0.0, scale_log_sd=1e-4)
    problem = Problem.of(data, gmm.Mixture(n_components=1, priors=priors), "bijection", True)
    start = gmm.Parameters([1.0], [[5.0]], [[[1.0]]])
    mode = modes.climb(problem, start)
    precision = 4 + 1 / 4
    assert mode.q[0] == pytest.approx(4 / precision, abs=1e-5)
    assert (mode.factor @ mode.factor.T)[0, 0] == pytest.approx(1 / precision, rel=1e-5)
    # Normal data of sd 1 with a normal prior of the mean, in closed form.
    x = data.values[:, 0]
    C = np.eye(4) + 4.0
    expected = -0.5 * (x @ np.linalg.solve(C, x) + np.linalg.slogdet(C)[1] + 4 * np.log(2 * np.pi))
    # The prior of the log scale is of that width, and held no narrower than it is.
    assert mode.log_mass == pytest.approx(expected, abs=1e-3)


def test_draws_depend_on_seed_and_part_alone(posterior):
    spec = gmm.Specification(dataset=FAITHFUL, mixture=FULL, options=SHORT)
    assert (spec.kind, spec.engine) == ("smc", "smc")
    parts = [run_part(spec, part) for part in (1, 0)]
    again = combine(spec, parts[::-1])
    whole = gmm.sample_posterior(FAITHFUL, FULL, SHORT, engine="smc")
    np.testing.assert_array_equal(again.draws["locs"], whole.draws["locs"])
    other = gmm.sample_posterior(FAITHFUL, FULL, SHORT.model_copy(update={"seed": 4}), engine="smc")
    assert not np.array_equal(other.draws["locs"], whole.draws["locs"])
    assert not np.array_equal(whole.draws["locs"][0], whole.draws["locs"][1])


def test_stats_tell_of_the_same_draws():
    posterior = gmm.sample_posterior(FAITHFUL, FULL, SHORT, engine="smc")
    for c, s in ((0, 0), (1, 57)):
        point = gmm.Parameters.of({name: array[c, s] for name, array in posterior.draws.items()})
        log_joint = gmm.log_joint(FAITHFUL, FULL, point)
        assert posterior.stats["log_joint"][c, s] == pytest.approx(log_joint, rel=1e-10)


def test_units_of_the_data_change_the_evidence_by_their_volume():
    unit = 1000.0
    grams = gmm.Dataset.from_values(TUTORIAL.values * unit)
    kilograms = gmm.Priors.for_data(TUTORIAL)
    in_grams = gmm.evidence(grams, gmm.Mixture(priors=gmm.Priors.for_data(grams)))
    in_kilograms = gmm.evidence(TUTORIAL, gmm.Mixture(priors=kilograms))
    gap = in_grams.log_evidence - in_kilograms.log_evidence
    assert gap == pytest.approx(
        -5 * np.log(unit), abs=LIMIT * np.hypot(in_grams.mcse, in_kilograms.mcse)
    )


def test_progress_shows_temperature_evidence_and_cloud_and_it_can_be_stopped():
    picture, counts = Picture(), []

    def watch(progress):
        picture.apply(progress.snapshot)
        counts.append(progress.done / progress.total)

    evidence = gmm.evidence(TUTORIAL, gmm.Mixture(n_components=3), SHORT, on_progress=watch)
    assert counts == sorted(counts)
    assert picture.arrays["temperature"].tolist() == [1.0, 1.0]
    assert picture.arrays["stats.log_evidence"] == pytest.approx(evidence.populations)
    assert np.isfinite(picture.arrays["draws.locs"]).all()

    def stop(progress):
        raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as stopped:
        gmm.evidence(TUTORIAL, gmm.Mixture(n_components=3), SHORT, on_progress=stop)
    assert stopped.value.partial is None


def test_what_cannot_be_weighed_is_refused_in_words():
    flat = gmm.Mixture(priors=gmm.Priors.flat())
    for ask in (
        lambda: gmm.evidence(TUTORIAL, flat),
        lambda: gmm.sample_posterior(TUTORIAL, flat, engine="smc"),
    ):
        with pytest.raises(ValueError, match=r"flat prior.*Give every prior"):
            ask()
    with pytest.raises(ValueError, match="draws is 1.*from 50"):
        gmm.SmcOptions(draws=1)
    with pytest.raises(ValueError, match="begin at a point"):
        gmm.sample_posterior(TUTORIAL, gmm.Mixture(), gmm.SmcOptions(start="given"), engine="smc")
    with pytest.raises(ValueError, match="options came as NutsOptions"):
        gmm.sample_posterior(TUTORIAL, gmm.Mixture(), gmm.NutsOptions(), engine="smc")
    with pytest.raises(ValueError, match="options came as SmcOptions"):
        gmm.sample_posterior(TUTORIAL, gmm.Mixture(), gmm.SmcOptions())


def test_estimates_are_pooled_as_numbers_and_not_as_logarithms():
    value, mcse = pooled(np.log([1.0, 2.0, 3.0]) - 1000)
    assert value == pytest.approx(np.log(2.0) - 1000)
    assert mcse == pytest.approx(1 / np.sqrt(3) / 2)
