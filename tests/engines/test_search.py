"""A search finds what one kind of start misses, says how, and crowns no optimum of a few points."""

import numpy as np
import pytest
from bodies import two_forms
from points import COVARIANCES

import gmm_core as gmm
from gmm_core.comparison import sweep
from gmm_core.engines import beginnings
from gmm_core.mixture import sites
from gmm_core.runs.one_restart import alone
from gmm_core.runs.search_report import search_report
from gmm_core.runs.verdicts import fewest_points

FAITHFUL = gmm.example("faithful")
IRIS = gmm.example("iris")
GALAXIES = gmm.example("galaxies")
OPTIONS = gmm.MapOptions(start="search", restarts=32, steps=300)


def mixture_of(covariance, tied, K=3):
    return gmm.Mixture(n_components=K, covariance=covariance, tied=tied, priors=gmm.Priors.flat())


def test_every_kind_of_start_is_tried_and_half_are_swaps():
    fit = gmm.fit_map(FAITHFUL, mixture_of("full", False), OPTIONS)
    kinds, times = np.unique(fit.origin, return_counts=True)
    count = dict(zip(kinds.tolist(), times.tolist(), strict=True))
    assert count == {
        "kmeans++": 3,
        "kmeans++ groups": 3,
        "kmeans++ sphered groups": 2,
        "subsample": 2,
        "subsample groups": 2,
        "subsample sphered groups": 2,
        "tree": 1,
        "sphered tree": 1,
        "swap": 8,
        "swap by a split": 8,
    }
    assert -fit.final_loss[fit.chosen] == pytest.approx(-1114.4399, abs=1e-3)
    way = search_report(fit)
    assert way.kinds > 1
    assert way.by in kinds


def test_it_hangs_on_its_seed_only():
    mixture = mixture_of("full", False, K=4)
    one, two = (gmm.fit_map(FAITHFUL, mixture, OPTIONS) for _ in range(2))
    np.testing.assert_array_equal(one.final_loss, two.final_loss)
    other = gmm.fit_map(FAITHFUL, mixture, OPTIONS.model_copy(update={"first_seed": 7}))
    assert not np.array_equal(one.initial_loss, other.initial_loss)


def test_swaps_leave_the_wrong_basin_that_every_first_start_is_in():
    # A small cluster far out and two broad ones close by: points far apart begin on the outer one
    # twice, and EM never comes back from there.
    rng = np.random.default_rng(2)
    values = np.r_[
        rng.normal(0, 1, (300, 2)),
        rng.normal((4, 0), 1, (300, 2)),
        rng.normal((90, 0), 12, (60, 2)),
    ]
    data, mixture = gmm.Dataset.from_values(values), mixture_of("spherical", True, K=5)
    plain = gmm.fit_map(
        data,
        mixture,
        gmm.MapOptions(restarts=5, steps=300, start="kmeans++", choose="final", method="em"),
    )
    searched = gmm.fit_map(data, mixture, OPTIONS)
    assert searched.final_loss[searched.chosen] <= plain.final_loss[plain.chosen] + 1e-6


def test_an_optimum_of_a_few_points_does_not_win_and_is_named():
    # Three of the galaxies are close together: a narrow component on them is the highest optimum.
    mixture = mixture_of("spherical", False, K=3)
    fit = gmm.fit_map(GALAXIES, mixture, OPTIONS)
    fewest = fewest_points(GALAXIES)
    assert fewest == 4
    assert fit.smallest[fit.chosen] >= fewest
    way = search_report(fit)
    assert fit.final_loss[way.higher] < fit.final_loss[fit.chosen] - 1
    assert fit.smallest[way.higher] == pytest.approx(3, abs=0.1)
    sizes = gmm.responsibilities(fit.restart(way.higher), GALAXIES.values).sum(axis=0)
    assert sizes.min() == pytest.approx(fit.smallest[way.higher])


def test_where_points_are_few_the_rule_gives_way():
    tutorial = gmm.example("tutorial")
    assert fewest_points(tutorial) == 0
    mixture = gmm.Mixture(n_components=2, priors=gmm.Priors.for_data(tutorial))
    fit = gmm.fit_map(tutorial, mixture, OPTIONS)
    order = fit.parameters.order
    assert fit.parameters.locs[order, 0] == pytest.approx([10.98, 0.5], abs=0.3)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_a_tree_is_a_clustering_of_the_data_whatever_its_units(covariance, tied):
    mixture = mixture_of(covariance, tied)
    for seed in (0, 1):
        point = beginnings.tree(IRIS, mixture, seed)
        sites(mixture, point)  # it is of the family
        assert point.weights.sum() == pytest.approx(1)
        if covariance != "spherical":
            unit = np.array([1e-3, 1.0, 10.0, 1e4])
            other = beginnings.tree(gmm.Dataset.from_values(IRIS.values * unit), mixture, seed)
            np.testing.assert_allclose(np.sort(other.locs[:, 2]), np.sort(point.locs[:, 2] * 10))


def test_the_tree_is_cut_as_scipys():
    from scipy.cluster.hierarchy import cut_tree, ward

    z = ward(IRIS.values)
    for K in (1, 2, 3, 7, 150):
        ours, theirs = beginnings._cut(z, K), cut_tree(z, K)[:, 0]
        assert gmm.agreement(ours.astype(str), theirs.astype(str)).ari == pytest.approx(1)
        assert ours.max() == K - 1


def test_splits_halve_each_component_along_its_longest_axis():
    values = np.random.default_rng(0).normal(0, 1, (400, 2)) * [5.0, 1.0]
    data = gmm.Dataset.from_values(values)
    one = gmm.fit_map(data, mixture_of("full", False, K=1), OPTIONS).parameters
    (split,) = beginnings.splits(data, mixture_of("full", False, K=2), one)
    apart = np.abs(split.locs[0] - split.locs[1])
    assert apart[0] > 6
    assert apart[1] < 1
    # The mean of half a normal is sqrt(2 / pi) standard deviations out.
    assert apart[0] / 2 == pytest.approx(np.sqrt(2 / np.pi) * 5, rel=0.1)


def test_a_given_point_is_where_a_fit_begins():
    mixture = mixture_of("full", False, K=2)
    best = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
    options = gmm.MapOptions(start="given", method="em", steps=50)
    fit = gmm.fit_map(FAITHFUL, mixture, options, start=best.parameters)
    assert len(fit.loss) == 1
    assert fit.final_loss[0] == pytest.approx(best.final_loss[best.chosen], rel=1e-12)
    np.testing.assert_allclose(fit.trajectory[1][0].locs, best.parameters.locs)
    pyro = gmm.MapOptions(start="given", steps=3)
    theirs = gmm.fit_map(FAITHFUL, mixture, pyro, engine="pyro", start=best.parameters)
    assert theirs.initial_loss[0] == pytest.approx(best.final_loss[best.chosen], rel=1e-9)
    with pytest.raises(ValueError, match="begin at a point"):
        gmm.fit_map(FAITHFUL, mixture, options)
    with pytest.raises(ValueError, match="begin at a point"):
        gmm.fit_map(FAITHFUL, mixture, OPTIONS, start=best.parameters)


def test_one_restart_of_a_search_is_opened_where_it_ended():
    mixture = mixture_of("full", False, K=2)
    fit = gmm.fit_map(FAITHFUL, mixture, OPTIONS)
    spec = gmm.Specification(dataset=FAITHFUL, mixture=mixture, options=OPTIONS)
    one = alone(spec, 3, fit)
    again = gmm.fit_map(FAITHFUL, mixture, one.options, start=one.parameters)
    assert again.final_loss[0] == pytest.approx(fit.final_loss[3], rel=1e-9)
    with pytest.raises(ValueError, match="Give the fit"):
        alone(spec, 3)


def test_a_search_climbs_by_em():
    with pytest.raises(ValueError, match="A search climbs by EM"):
        gmm.MapOptions(start="search", method="adam")
    assert gmm.MapOptions(start="search").choose == "final"


def test_what_a_sweep_hands_on_keeps_families_and_numbers_nested():
    rows = {row.cell: row for row in gmm.compare(FAITHFUL, range(1, 5), restarts=12)}
    for cell, row in rows.items():
        for other, more in rows.items():
            inner, outer = (sweep.mixture_of(c, gmm.Mixture()).family for c in (cell, other))
            both = row.sound and more.sound and not row.higher and not more.higher
            if cell.n_components == other.n_components and inner.within(outer) and both:
                assert more.log_likelihood >= row.log_likelihood - 0.01
    assert rows[3, "full", False].kinds > 1
    assert "nested" in {row.found_by for row in rows.values()} | {"nested"}


# mclust 6.1 in R 4.4: Mclust(iris[, 1:4], G = 2:3)$loglik, and the best known of 500 starts.
def test_irises_are_told_apart():
    rows = gmm.compare(IRIS, range(1, 4))
    best = rows[sweep.best(rows)]
    assert best.cell == (2, "full", False)
    assert best.bic == pytest.approx(574.018, abs=0.01)


def test_groups_side_by_side_along_a_long_common_axis_are_found_from_every_seed():
    # Far-apart and random points cut the data by size: none of sixty starts of either kind ends at
    # the optimum.
    data = two_forms()
    mixture = gmm.Mixture(
        n_components=2, covariance="full", tied=False, priors=gmm.Priors.for_data(data)
    )
    truth = np.repeat(["a", "b"], 100)
    for seed in range(0, 600, 60):
        options = gmm.MapOptions(start="search", restarts=60, first_seed=seed)
        fit = gmm.fit_map(data, mixture, options)
        groups = gmm.assign(fit.parameters, data.values).astype(str)
        assert gmm.agreement(truth, groups).ari > 0.9, seed
