"""Which K and covariance: the known optima, the criteria, and what may never win."""

import numpy as np
import pytest
from points import COVARIANCES, random_dataset, random_point

import gmm_core as gmm
from gmm_core.comparison import sweep
from gmm_core.inference.run import combine, n_parts, run_part
from gmm_core.runs.progress import Picture
from gmm_core.runs.serialize import pack, unpack

FAITHFUL, TUTORIAL = gmm.example("faithful"), gmm.example("tutorial")


@pytest.fixture(scope="module")
def faithful():
    return gmm.compare(FAITHFUL, range(1, 5))


def row(rows, *cell):
    return next(r for r in rows if r.cell == cell)


def test_the_known_optima_of_faithful_are_reached(faithful):
    # log L = -1130.264 and BIC 2322.192 (VVV, 2), 2314.3 (EEE, 3): mclust 6, there with a minus.
    assert row(faithful, 2, "full", False).log_likelihood == pytest.approx(-1130.264, abs=1e-3)
    assert row(faithful, 2, "full", False).bic == pytest.approx(2322.192, abs=1e-3)
    best = faithful[sweep.best(faithful)]
    assert best.cell == (3, "full", True)
    assert best.log_likelihood == pytest.approx(-1126.316, abs=1e-3)
    assert best.bic == pytest.approx(2314.3, abs=0.05)
    assert best.agree >= 32
    assert best.kinds >= 7


def test_the_known_optima_of_iris_win_over_singular_ones():
    # mclust 6 on the same four columns: VVV, 2 -574.0178 and VVV, 3 -580.8399. Many values are
    # equal, so that with covariances of its own a component runs to a singular one without end.
    rows = gmm.compare(gmm.example("iris"), (2, 3, 4), [("full", False)])
    assert rows[0].bic == pytest.approx(574.0178, abs=1e-3)
    assert rows[1].bic == pytest.approx(580.8399, abs=1e-3)
    assert sweep.best(rows) == 0
    assert rows[1].agree < rows[1].restarts
    thin = np.linalg.eigvalsh(rows[2].parameters.covariances)[:, 0]
    assert rows[2].verdict == "converged"
    assert thin.min() > 1e-4


def test_a_larger_mixture_fits_no_worse(faithful):
    # Nested: more components, own covariances, more general covariances.
    L = {r.cell: r.log_likelihood for r in faithful}
    for (K, covariance, tied), value in L.items():
        if K > 1:
            assert value >= L[K - 1, covariance, tied] - 1e-6
        if tied:
            assert L[K, covariance, False] >= value - 1e-6


def test_with_one_component_tied_is_untied_and_the_maximum_is_known(faithful):
    x = FAITHFUL.values
    N, D = x.shape
    for covariance in ("spherical", "diag", "full"):
        tied, own = row(faithful, 1, covariance, True), row(faithful, 1, covariance, False)
        assert tied[3:] == own[3:]  # fitted once, and so also as long
    C = np.cov(x.T, bias=True)
    L = -0.5 * N * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + D)
    assert row(faithful, 1, "full", True).log_likelihood == pytest.approx(L, abs=1e-8)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
@pytest.mark.parametrize("D", [1, 3])
def test_criteria_follow_from_their_definitions(covariance, tied, D):
    K, N = 3, 40
    mixture = gmm.Mixture(n_components=K, covariance=covariance, tied=tied)
    data, point = random_dataset(N, D), random_point(mixture, D)
    computed = sweep.criteria(data, mixture, point)
    numbers = {"spherical": 1, "diag": D, "full": D * (D + 1) // 2}[covariance]
    p = (K - 1) + K * D + numbers * (1 if tied else K)
    L = gmm.log_density(point, data.values).sum()
    r = gmm.responsibilities(point, data.values)
    assert computed["n_parameters"] == p
    assert computed["log_likelihood"] == pytest.approx(L, rel=1e-13)
    assert computed["bic"] == pytest.approx(-2 * L + p * np.log(N), rel=1e-13)
    assert computed["aic"] == pytest.approx(-2 * L + 2 * p, rel=1e-13)
    icl = -2 * L + p * np.log(N) - 2 * (r * np.log(r)).sum()
    assert computed["icl"] == pytest.approx(icl, rel=1e-12)


def test_a_weight_of_zero_adds_no_entropy():
    point = gmm.Parameters([1.0, 0.0], [[0.0], [5.0]], np.ones((2, 1, 1)))
    computed = sweep.criteria(TUTORIAL, gmm.Mixture(), point)
    assert computed["icl"] == pytest.approx(computed["bic"], abs=1e-12)


@pytest.mark.parametrize(
    ("covariance", "tied", "theirs"),
    [("spherical", False, "spherical"), ("diag", False, "diag"), ("full", False, "full"),
     ("full", True, "tied")],
)  # fmt: skip
def test_bic_and_aic_are_those_of_scikit_learn(faithful, covariance, tied, theirs):
    from sklearn.mixture import GaussianMixture

    ours = row(faithful, 3, covariance, tied)
    point = ours.parameters
    peer = GaussianMixture(3, covariance_type=theirs)
    peer.weights_, peer.means_ = point.weights, point.locs
    precision = np.linalg.inv(point.covariances)
    peer.precisions_cholesky_ = {
        "spherical": 1 / point.scales[:, 0],
        "diag": 1 / point.scales,
        "full": np.linalg.cholesky(precision),
        "tied": np.linalg.cholesky(precision[0]),
    }[theirs]
    peer.covariances_ = np.zeros(1)
    peer.n_features_in_ = 2
    peer.covariances_ = {
        "spherical": point.scales[:, 0] ** 2,
        "diag": point.scales**2,
        "full": point.covariances,
        "tied": point.covariances[0],
    }[theirs]
    assert ours.bic == pytest.approx(peer.bic(FAITHFUL.values), rel=1e-9)
    assert ours.aic == pytest.approx(peer.aic(FAITHFUL.values), rel=1e-9)


def test_collapsed_and_impossible_cells_say_why_and_never_win():
    rows = gmm.compare(TUTORIAL, (2, 5, 6), "spherical", restarts=5, start="kmeans++")
    assert len(rows) == 6
    for r in rows[2:]:
        assert np.isnan([r.log_likelihood, r.bic, r.aic, r.icl]).all()
        assert r.parameters is None
        assert not r.sound
    assert rows[2].verdict == "collapsed"
    assert rows[2].reason.startswith("All 5 starts collapsed: ")
    assert rows[4].verdict == "failed"
    assert rows[4].reason.startswith("K = 6 components need at least as many points")
    # AICc has no value for five points and five parameters.
    for criterion in sweep.CRITERIA.keys() - {"aicc", "log_evidence"}:
        assert sweep.best(rows, criterion) in (0, 1)
        assert len(sweep.ranked(rows, criterion)) == 2
    assert sweep.best(rows[2:]) is None


def test_a_cell_is_the_fit_of_its_mixture():
    options = gmm.CompareOptions(n_components=(3,), covariances=("diag",), restarts=5)
    priors = gmm.Priors.for_data(FAITHFUL)
    rows = gmm.compare(FAITHFUL, 3, "diag", priors, restarts=5, start="kmeans++")
    for r in rows:
        mixture = sweep.mixture_of(r.cell, gmm.Mixture(priors=priors))
        fit = gmm.fit_map(FAITHFUL, mixture, options.map_options)
        np.testing.assert_array_equal(r.parameters.locs, fit.parameters.locs)
        assert r.agree == (fit.basin == 0).sum()
        assert -fit.final_loss[fit.chosen] == pytest.approx(
            gmm.log_joint(FAITHFUL, mixture, r.parameters)
        )


def test_with_one_column_each_mixture_is_fitted_once():
    options = gmm.CompareOptions(n_components=(1, 2))
    assert sweep.models(options, 1) == [[0, 1, 2, 3, 4, 5], [6, 8, 10], [7, 9, 11]]
    assert sweep.models(options, 2) == [[0, 1], [2, 3], [4, 5], *([i] for i in range(6, 12))]
    spec = gmm.Specification(dataset=TUTORIAL, mixture=gmm.Mixture(), options=options)
    assert n_parts(spec) == 3


def test_parts_in_any_order_make_the_same_comparison():
    options = gmm.CompareOptions(n_components=(1, 2), restarts=3)
    mixture = gmm.Mixture(priors=gmm.Priors.flat())
    spec = gmm.Specification(dataset=TUTORIAL, mixture=mixture, options=options)
    parts = [run_part(spec, part) for part in (2, 0, 1)]
    rows = gmm.compare(TUTORIAL, (1, 2), restarts=3, start="kmeans++")
    together = combine(spec, unpack(pack(parts)))
    assert [r.cell for r in together.rows] == sweep.cells(options)
    for ours, theirs in zip(together.rows, rows, strict=True):
        assert type(ours) is gmm.ComparisonRow
        np.testing.assert_equal(ours[:9], theirs[:9])
        np.testing.assert_array_equal(ours.parameters.locs, theirs.parameters.locs)


def test_progress_draws_the_rows_so_far_and_a_cancelled_sweep_keeps_them():
    picture, counts = Picture(), []

    def watch(progress):
        picture.apply(progress.snapshot)
        counts.append(progress.done / progress.total)
        if "bic" in picture.arrays and np.isfinite(picture.arrays["bic"]).sum() == 5:
            raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as stopped:
        gmm.compare(FAITHFUL, (1, 2, 3), restarts=3, on_progress=watch)
    partial = stopped.value.partial
    # The fifth cell's report stopped the sweep.
    assert [r.cell for r in partial] == [
        (1, c, t) for c, t in [("spherical", True), ("spherical", False), ("diag", True),
                               ("diag", False), ("full", True)]
    ]  # fmt: skip
    assert counts == sorted(counts)
    options = gmm.CompareOptions(n_components=(1, 2, 3), restarts=3)
    seen = sweep.rows_so_far(options, 2, picture.arrays)
    assert len(seen) == 5
    for r, s in zip(partial, seen, strict=True):
        unreported = {"parameters": None, "seconds": 0, "class_probability": ()}
        unreported |= {"found_by": "", "kinds": 0, "swaps": 0}
        # What is not asked for is NaN in both.
        np.testing.assert_equal(s._replace(**unreported), r._replace(**unreported))
    assert sweep.rows_so_far(options, 2, {}) == []


def test_equal_sweeps_are_one_run():
    def made(mixture=None, **options):
        return gmm.Specification(
            dataset=TUTORIAL,
            mixture=mixture or gmm.Mixture(),
            options=gmm.CompareOptions(**options),
        )

    assert made(n_components=[3, 1, 2, 2]).id == made(n_components=range(1, 4)).id
    assert made(covariances="full").id == made(covariances=[("full", False), ("full", True)]).id
    assert made(gmm.Mixture(n_components=4, covariance="full")).id == made().id
    assert made(gmm.Mixture(priors=gmm.Priors.flat())).id != made().id
    again = gmm.Specification.from_json(made().to_json(), TUTORIAL)
    assert (again.id, again.kind, again.engine) == (made().id, "compare", "compiled")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_components": (0, 1)}, "n_components is 0.*from 1 on"),
        ({"n_components": 65}, "n_components.*up to 64"),
        ({"n_components": ()}, "n_components.*at least 1"),
        ({"n_components": (2.5,)}, "n_components is 2.5, but a whole number"),
        ({"n_components": 2.0}, "n_components is 2.0, but a whole number was expected"),
        ({"covariances": "round"}, "covariances.*spherical"),
        ({"covariances": [("full", "perhaps")]}, "covariances.*True or False"),
        ({"restarts": 201}, "restarts.*up to 200"),
        ({"start": "anywhere"}, "start.*quantile"),
    ],
)
def test_what_cannot_be_compared_is_named(arguments, words):
    with pytest.raises(ValueError, match=rf"(?s){words}"):
        gmm.compare(TUTORIAL, **arguments)


def test_data_that_no_mixture_fits_are_refused():
    constant = gmm.Dataset.from_values([[1.0, 2.0], [1.0, 3.0], [1.0, 5.0]])
    with pytest.raises(ValueError, match="no spread to fit"):
        gmm.compare(constant)


def test_the_csv_is_exact_and_leaves_gaps_empty():
    import csv
    import io

    rows = gmm.compare(TUTORIAL, (2, 6), [("full", True)], restarts=2)
    read = list(csv.DictReader(io.StringIO(sweep.to_csv(rows))))
    assert float(read[0]["bic"]) == rows[0].bic
    assert (read[0]["covariance"], read[0]["tied"], read[0]["verdict"]) == (
        "full", "True", "converged"
    )  # fmt: skip
    assert (read[1]["bic"], read[1]["verdict"]) == ("", "failed")
    assert "at least as many points" in read[1]["reason"]
