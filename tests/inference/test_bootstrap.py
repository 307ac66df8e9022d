"""Replicates vary as theory says, wherever theory says it in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from bodies import two_forms

import gmm_core as gmm
from gmm_core.engines import best_optimum, many_optima, replicates
from gmm_core.inference.run import combine, n_parts, run_part
from gmm_core.runs.progress import Picture
from gmm_core.runs.serialize import pack, unpack

FAITHFUL, GALAXIES = gmm.example("faithful"), gmm.example("galaxies")
FLAT = gmm.Priors.flat()
FULL = gmm.Mixture(covariance="full", tied=False, priors=FLAT)


@pytest.mark.parametrize("by", ["points", "weights", "parametric"])
def test_standard_errors_of_one_component_are_those_of_mean_and_spread(by):
    B, N = 400, len(GALAXIES.values)
    mixture = gmm.Mixture(n_components=1, priors=FLAT)
    options = gmm.BootstrapOptions(replicates=B, by=by, starts=1)
    bootstrap = gmm.bootstrap(GALAXIES, mixture, options)
    rows = {row.name: row for row in bootstrap.summary()}
    x = GALAXIES.values[:, 0]
    sd = x.std()
    # Of the mean sd / sqrt(N); of the spread, by its influence function, that of ((x - m) / sd)^2
    # / 2, whose variance is 1/2 for a normal and (kurtosis - 1) / 4 for the points themselves.
    kurtosis = 3.0 if by == "parametric" else float(((x - x.mean()) ** 4).mean() / sd**4)
    expected = {"loc 1": sd / np.sqrt(N), "scale": sd * np.sqrt((kurtosis - 1) / (4 * N))}
    for name, value in expected.items():
        # A standard deviation of B numbers has a relative error of about 1 / sqrt(2 B), 4 %.
        assert rows[name].standard_error == pytest.approx(value, rel=0.2)
    assert rows["loc 1"].estimate == pytest.approx(x.mean())
    assert rows["loc 1"].q2_5 < x.mean() < rows["loc 1"].q97_5
    assert not bootstrap.failed.any()


def test_two_clear_components_vary_as_much_as_their_posterior():
    bootstrap = gmm.bootstrap(FAITHFUL, FULL, gmm.BootstrapOptions(replicates=100))
    assert not bootstrap.changed_basin.any()
    mixture = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(FAITHFUL))
    posterior = gmm.sample_posterior(FAITHFUL, mixture, engine="smc").relabelled(FAITHFUL)
    for name in ("weights", "locs"):
        bootstrap_errors = np.sort(bootstrap.draws[name], axis=1).std(axis=0)
        posterior_spread = np.sort(
            posterior.draws[name].reshape(-1, *bootstrap_errors.shape), axis=1
        ).std(axis=0)
        assert bootstrap_errors == pytest.approx(posterior_spread, rel=0.3)
    # Components keep their names: each replicate's are within some errors of the fit's.
    assert np.abs(bootstrap.draws["locs"] - bootstrap.parameters.locs)[..., 0].max() < 0.3


def test_a_bootstrap_numbers_components_by_weight_and_tells_them_in_the_tables_units():
    data = gmm.transformed(FAITHFUL, {"eruptions": "log", "waiting": "standardise"})
    options = gmm.BootstrapOptions(replicates=20, starts=2)
    noisy = FULL.model_copy(update={"priors": gmm.Priors.for_data(data), "noise": True})
    for mixture in (noisy, noisy.model_copy(update={"noise": False})):
        bootstrap = gmm.bootstrap(data, mixture, options)
        # Whichever component the fit itself has first.
        order = bootstrap.parameters.order[::-1]
        draws = gmm.Parameters.of(bootstrap.draws).permuted(order).arrays()
        turned = replace(bootstrap, parameters=bootstrap.parameters.permuted(order), draws=draws)
        rows = {row.name: row for row in turned.summary(data)}
        point = bootstrap.parameters.permuted(bootstrap.parameters.order)
        assert rows["weight 1"].estimate == point.weights.max()
        how = data.transforms[1]
        mean, sd = how.moments(np.zeros(()), np.ones(()))
        for k in range(2):
            loc = rows[f"loc {k + 1} waiting"]
            assert loc.estimate == pytest.approx(mean + sd * point.locs[k, 1])
            assert loc.q2_5 < loc.estimate < loc.q97_5
            median = rows[f"median {k + 1} eruptions"]
            assert median.estimate == pytest.approx(np.exp(point.locs[k, 0]))
            assert rows[f"loc {k + 1} log eruptions"].estimate == pytest.approx(point.locs[k, 0])
        # Without the data, as it was fitted.
        fitted = {row.name: row.estimate for row in turned.summary()}
        assert fitted[f"loc 1 {data.columns[1]}"] == pytest.approx(point.locs[0, 1])
        assert ("noise" in str([*rows])) == mixture.noise


def test_replicates_that_change_the_basin_are_counted():
    bootstrap = gmm.bootstrap(
        GALAXIES,
        gmm.Mixture(n_components=4, tied=False, priors=gmm.Priors.for_data(GALAXIES)),
        gmm.BootstrapOptions(replicates=40),
    )
    assert 0 < bootstrap.changed_basin.sum() < 40
    # None ended below where the fit of the data leads.
    units, best = best_optimum.thorough(
        GALAXIES, gmm.Mixture(n_components=4, tied=False, priors=gmm.Priors.for_data(GALAXIES)), 5
    )
    again = units.dataset
    alone = best_optimum.search(again, units.mixture, 1, 0, [best])
    assert not alone.other_basin


@pytest.mark.parametrize("by", list(replicates.DRAW))
@pytest.mark.parametrize("covariance", [("full", False), ("spherical", True)])
def test_replicates_searched_together_end_where_each_alone_does(by, covariance):
    """L-BFGS from starts of its own is the second opinion, of weights as of repeated rows."""
    form, tied = covariance
    mixture = gmm.Mixture(covariance=form, tied=tied, priors=FLAT)
    units, best = best_optimum.thorough(FAITHFUL, mixture, 5)
    values = units.dataset.values
    datasets = [
        replicates.DRAW[by](units.dataset, units.mixture, best, np.random.default_rng(b))
        for b in range(6)
    ]
    together = many_optima.search_each(units.dataset, units.mixture, datasets, 3, [[best]] * 6)
    assert not together.failed.any()
    for b, replicate in enumerate(datasets):
        weights = replicate.weights
        again = gmm.Dataset(replicate.values, FAITHFUL.columns)
        if by == "points":
            again = again.take(np.repeat(np.arange(len(values)), weights.astype(int)))
        elif by == "weights":
            again = gmm.Dataset(values, FAITHFUL.columns, weights=weights)
            assert weights.mean() == pytest.approx(1)
        alone = best_optimum.search(again, units.mixture, 10, 0, [best])
        log_density, expected = (
            gmm.log_density(point, values) for point in (together.points[b], alone.parameters)
        )
        np.testing.assert_allclose(log_density, expected, atol=1e-4)
        assert together.other_basin[b] == alone.other_basin


def test_a_replicate_without_spread_has_no_optimum():
    """Three points, drawn again: some replicates have one point only, repeated."""
    data = gmm.Dataset.from_values([0.0, 1.0, 3.0])
    bootstrap = gmm.bootstrap(
        data, gmm.Mixture(n_components=1, priors=FLAT), gmm.BootstrapOptions(replicates=200)
    )
    # Each with probability 3 / 27.
    assert abs(bootstrap.failed.mean() - 1 / 9) < 4 * np.sqrt(8 / 81 / 200)
    assert np.isnan(bootstrap.draws["locs"][bootstrap.failed]).all()
    assert np.isfinite(bootstrap.draws["locs"][~bootstrap.failed]).all()


def test_replicates_are_the_same_in_any_parts():
    options = gmm.BootstrapOptions(replicates=45, starts=2, seed=7)
    spec = gmm.Specification(dataset=FAITHFUL, mixture=FULL, options=options)
    assert (spec.kind, spec.engine, n_parts(spec)) == ("bootstrap", "compiled", 3)
    parts = [run_part(spec, part) for part in (2, 0, 1)]
    combined = unpack(pack(combine(spec, [parts[1], parts[2], parts[0]])))
    whole = gmm.bootstrap(FAITHFUL, FULL, options)
    assert whole.draws["weights"].shape == (45, 2)
    for name, array in whole.draws.items():
        np.testing.assert_array_equal(combined.draws[name], array)
    assert combined.columns == FAITHFUL.columns


def test_a_bootstrap_shows_its_replicates_and_can_be_stopped():
    options = gmm.BootstrapOptions(replicates=45, starts=1)
    picture = Picture()
    bootstrap = gmm.bootstrap(
        FAITHFUL, FULL, options, on_progress=lambda p: picture.apply(p.snapshot)
    )
    np.testing.assert_array_equal(picture.arrays["draws.locs"], bootstrap.draws["locs"])

    def stop(progress):
        if progress.done > 25:
            raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as stopped:
        gmm.bootstrap(FAITHFUL, FULL, options, on_progress=stop)
    assert len(stopped.value.partial.failed) == 20


def test_what_cannot_be_resampled_is_refused_in_words():
    with pytest.raises(ValueError, match="replicates is 20000.*up to 10,000"):
        gmm.BootstrapOptions(replicates=20_000)
    with pytest.raises(ValueError, match="by.*parametric"):
        gmm.BootstrapOptions(by="magic")
    tutorial = gmm.example("tutorial")
    five = gmm.Mixture(n_components=5, tied=False, priors=FLAT)
    with pytest.raises(ValueError, match=r"sound optimum.*Priors.for_data"):
        gmm.bootstrap(tutorial, five)


def test_it_goes_out_from_the_optimum_that_only_a_search_finds():
    data, truth = two_forms(), np.repeat(["a", "b"], 100)
    mixture = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(data))
    bootstrap = gmm.bootstrap(data, mixture, gmm.BootstrapOptions(replicates=10, starts=3))
    # No k-means++ start ends in the two forms: these cut the data by size.
    for b in range(10):
        point = gmm.Parameters.of({name: draws[b] for name, draws in bootstrap.draws.items()})
        groups = gmm.assign(point, data.values).astype(str)
        assert gmm.agreement(truth, groups).ari > 0.8
