"""Posteriors, evidence, bootstrap and ratio test with weights, holes, known classes and noise.

The oracle is a sum over every assignment of a few points. Given who is with whom, and the shared
scale, weights and locs integrate out in closed form; the scale is summed over a fine grid of its
logarithm.
"""

import itertools

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import multivariate_normal, norm

import gmm_core as gmm
from gmm_core.mixture.observation import box_of

VALUES = np.array([[0.0, 0.3], [0.4, np.nan], [3.1, 2.8], [np.nan, 3.3], [1.5, -6.0]])
WEIGHTS = np.array([2.0, 1.0, 1.0, 1.0, 1.0])
CLASSES = ["b", None, "a", None, None]
PRIORS = gmm.Priors(
    concentration=1.5, loc_mean=1.0, loc_scale=3.0, scale_log_mean=-0.5, scale_log_sd=0.7
)
ALL = gmm.Dataset.from_values(VALUES, weights=WEIGHTS, classes=CLASSES, missing="keep")
EVERYTHING = gmm.Mixture(n_components=2, priors=PRIORS, noise=True, labels="fix")


def enumerated(dataset, mixture):
    """Log evidence, and posterior means of the noise's weight and of the scale."""
    times = np.ones(len(dataset.values)) if dataset.weights is None else dataset.weights
    x = np.repeat(dataset.values, times.astype(int), axis=0)
    place = {name: k for k, name in enumerate(dataset.class_names)}
    classes = [place.get(c) for c in dataset.classes or [None] * len(times)]
    classes = np.repeat(np.array(classes, dtype=object), times.astype(int))
    if mixture.labels != "fix":
        classes[:] = None
    K, W, c = mixture.n_components, mixture.n_weights, mixture.priors.concentration
    priors, present = mixture.priors, ~np.isnan(x)
    log_scale = np.linspace(-4.5, 3.5, 161)
    log_prior = norm.logpdf(log_scale, priors.scale_log_mean, priors.scale_log_sd)
    box = -np.log(box_of(dataset.values, dataset.weights))

    def block(rows):
        """Log density [scales] of rows in one component, its loc integrated out."""
        total = np.zeros(len(log_scale))
        for d in range(x.shape[1]):
            y = x[rows, d][present[rows, d]]
            if len(y):
                covariances = (
                    np.exp(2 * log_scale)[:, None, None] * np.eye(len(y)) + priors.loc_scale**2
                )
                total += [
                    multivariate_normal.logpdf(y, np.full(len(y), priors.loc_mean), C)
                    for C in covariances
                ]
        return total

    blocks = {}
    terms, noise = [], []
    for z in itertools.product(range(W), repeat=len(x)):
        if any(k is not None and k != at for k, at in zip(classes, z, strict=True)):
            continue
        z = np.array(z)
        counts = np.bincount(z, minlength=W)
        term = log_prior + gammaln(W * c) - gammaln(len(x) + W * c)
        term = term + (gammaln(counts + c) - gammaln(c)).sum()
        for k in range(K):
            rows = tuple(np.flatnonzero(z == k))
            if rows not in blocks:
                blocks[rows] = block(list(rows))
            term = term + blocks[rows]
        if mixture.noise:
            term = term + (present[z == K] * box).sum()
        terms.append(term)
        noise.append((counts[-1] + c) / (len(x) + W * c))
    terms = np.array(terms)
    top = terms.max()
    mass = np.exp(terms - top)
    evidence = top + np.log(mass.sum() * (log_scale[1] - log_scale[0]))
    mass /= mass.sum()
    scale = float((mass * np.exp(log_scale)).sum())
    return evidence, float(mass.sum(axis=1) @ np.array(noise)), scale


def test_the_oracle_is_the_exact_posterior_where_that_applies():
    dataset = gmm.Dataset.from_values([0.0, 1.0, 4.0, 5.5])
    exact = gmm.exact_posterior(dataset, gmm.Mixture(priors=PRIORS))
    evidence, _, scale = enumerated(dataset, gmm.Mixture(priors=PRIORS))
    assert evidence == pytest.approx(exact.log_evidence, abs=1e-6)
    assert scale == pytest.approx(exact.scale_mean, rel=1e-5)


@pytest.mark.parametrize(
    "mixture",
    [
        EVERYTHING,
        EVERYTHING.model_copy(update={"labels": "ignore"}),
        EVERYTHING.model_copy(update={"noise": False, "n_components": 3}),
    ],
    ids=["everything", "classes ignored", "no noise, one component free"],
)
def test_the_evidence_is_that_of_every_assignment(mixture):
    exact, noise, scale = enumerated(ALL, mixture)
    posterior = gmm.sample_posterior(
        ALL, mixture, gmm.SmcOptions(draws=1000, populations=4), engine="smc"
    )
    evidence = posterior.log_evidence
    assert abs(evidence.value - exact) < max(4 * evidence.mcse, 0.02)
    sizes = posterior.draws["scale_tril"][..., 0, 0, 0]
    # A thousand draws know the mean to a thirtieth of their spread; some are copies of others.
    assert sizes.mean() == pytest.approx(scale, abs=sizes.std() / 12)
    if mixture.noise:
        shares = posterior.draws["noise"]
        assert shares.mean() == pytest.approx(noise, abs=shares.std() / 12)


@pytest.mark.parametrize(
    ("engine", "draws", "chains"), [("nutpie", 1500, 2), ("pyro", 150, 1)], ids=["nutpie", "pyro"]
)
def test_nuts_draws_have_the_means_of_every_assignment(engine, draws, chains):
    _, noise, scale = enumerated(ALL, EVERYTHING)
    options = gmm.NutsOptions(draws=draws, warmup=max(100, draws // 3), chains=chains)
    posterior = gmm.sample_posterior(ALL, EVERYTHING, options, engine=engine)
    for samples, mean in (
        (posterior.draws["noise"], noise),
        (posterior.draws["scale_tril"][..., 0, 0, 0], scale),
    ):
        # Four standard errors, of a tenth as many draws as there are.
        assert samples.mean() == pytest.approx(
            mean, abs=4 * samples.std() / np.sqrt(samples.size / 10)
        )
    point = posterior.parameters[7]
    assert posterior.stats["log_joint"][0, 7] == pytest.approx(
        gmm.log_joint(ALL, EVERYTHING, point), rel=1e-7
    )


def faithful(**fields):
    return gmm.Dataset.from_values(gmm.example("faithful").values[::3], **fields)


FLAT = gmm.Mixture(n_components=2, covariance="diag", tied=False, priors=gmm.Priors.flat())


def errors(dataset, mixture, **options):
    options = gmm.BootstrapOptions(replicates=120, starts=1, **options)
    bootstrap = gmm.bootstrap(dataset, mixture, options)
    assert not bootstrap.failed.any()
    # Which component comes first is nothing to a fit.
    order = np.argsort(bootstrap.parameters.locs[:, 0])
    estimates, spreads = (
        np.concatenate([array[order].ravel() for array in arrays])
        for arrays in (
            (bootstrap.parameters.weights, bootstrap.parameters.locs),
            [bootstrap.draws[name].std(axis=0, ddof=1) for name in ("weights", "locs")],
        )
    )
    return np.stack([estimates, spreads], axis=1)


@pytest.mark.parametrize("by", ["points", "weights", "parametric"])
def test_standard_errors_with_weights_are_those_of_the_repeated_rows(by):
    weights = 1 + np.arange(91) % 3
    repeated = gmm.Dataset.from_values(np.repeat(faithful().values, weights, axis=0))
    one, other = (errors(dataset, FLAT, by=by) for dataset in (faithful(weights=weights), repeated))
    np.testing.assert_allclose(one[:, 0], other[:, 0], rtol=1e-6)
    # A standard deviation of 120 draws has an error of a fifteenth; of two, four times that.
    np.testing.assert_allclose(one[:, 1], other[:, 1], rtol=0.4)


@pytest.mark.parametrize("by", ["points", "weights", "parametric"])
def test_a_bootstrap_minds_holes_and_known_classes(by):
    x = faithful().values.copy()
    x[::10, 1] = x[5::10, 0] = np.nan
    classes = ["short" if row[0] < 2.5 else None for row in x]
    dataset = gmm.Dataset.from_values(x, missing="keep", classes=classes)
    mixture = FLAT.model_copy(update={"labels": "fix"})
    whole = errors(faithful(), FLAT, by=by)
    holes = errors(dataset, mixture, by=by)
    assert (holes[:, 1] > 0).all()
    assert holes[:, 1].sum() < 1.6 * whole[:, 1].sum()


def test_noise_is_resampled_by_its_points_and_not_made():
    x = np.concatenate([faithful().values, [[9.0, 20.0], [0.1, 110.0], [8.0, 10.0]]])
    dataset = gmm.Dataset.from_values(x)
    mixture = FLAT.model_copy(update={"noise": True})
    options = gmm.BootstrapOptions(replicates=20, starts=1)
    bootstrap = gmm.bootstrap(dataset, mixture, options)
    assert bootstrap.draws["noise"].shape == (20,)
    assert bootstrap.draws["noise"].mean() == pytest.approx(
        float(bootstrap.parameters.noise), abs=0.03
    )
    options = options.model_copy(update={"by": "parametric"})
    with pytest.raises(ValueError, match='Noise has a density but no place.*by="points"'):
        gmm.bootstrap(dataset, mixture, options)
    with pytest.raises(ValueError, match="does not take noise.*Use noise=False"):
        gmm.likelihood_ratio_test(dataset, mixture)


def test_the_ratio_with_weights_is_that_of_the_repeated_rows():
    weights = 1 + np.arange(91) % 3
    repeated = gmm.Dataset.from_values(np.repeat(faithful().values, weights, axis=0))
    one = FLAT.model_copy(update={"n_components": 1})
    options = gmm.LikelihoodRatioOptions(replicates=19, starts=1)
    tests = [
        gmm.likelihood_ratio_test(dataset, one, options)
        for dataset in (faithful(weights=weights), repeated)
    ]
    assert tests[0].statistic == pytest.approx(tests[1].statistic, rel=1e-6)
    assert tests[0].p_value == tests[1].p_value == pytest.approx(0.05)
    # Data that one component makes has no such ratio, however often its rows count.
    assert max(test.replicates.max() for test in tests) < tests[0].statistic / 3
