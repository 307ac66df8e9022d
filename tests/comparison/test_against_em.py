"""EM by scikit-learn: the same optimum as ours without priors, the same start, matched first."""

import numpy as np
import pytest
from points import COVARIANCES, random_point

import gmm_core as gmm
from gmm_core.comparison import against_em
from gmm_core.mixture import matching
from gmm_core.runs.progress import Picture

FAITHFUL, TUTORIAL = gmm.example("faithful"), gmm.example("tutorial")
FLAT = gmm.Priors.flat()


def flat(K=2, covariance="full", tied=False):
    return gmm.Mixture(n_components=K, covariance=covariance, tied=tied, priors=FLAT)


def fitted(mixture, data=FAITHFUL, **options):
    options = {"restarts": 5, "choose": "final", "polish": True} | options
    return gmm.fit_map(data, mixture, gmm.MapOptions(**options))


def run(data, mixture, fit, **options):
    spec = against_em.specification(data, mixture, fit, gmm.EmOptions(**options))
    return gmm.fit_em(data, spec.mixture, spec.parameters, spec.options)


@pytest.mark.parametrize(("covariance", "tied"), COVARIANCES)
def test_without_priors_em_ends_in_our_optimum(covariance, tied):
    mixture = flat(2, covariance, tied)
    ours = fitted(mixture)
    theirs = run(FAITHFUL, mixture, ours)
    assert theirs.verdict == "converged"
    assert theirs.log_likelihood[-1] == pytest.approx(-ours.final_loss[ours.chosen], abs=1e-5)
    assert matching.largest_gap(ours.parameters, theirs.parameters) < 1e-3
    # It rises at every iteration, and its last value is that of its parameters.
    assert np.diff(theirs.log_likelihood).min() > -1e-8
    own = gmm.log_density(theirs.parameters, FAITHFUL.values).sum()
    assert theirs.log_likelihood[-1] == pytest.approx(own, rel=1e-12)
    assert theirs.iterations == len(theirs.log_likelihood) - 1


def test_the_known_optimum_of_faithful():
    theirs = run(FAITHFUL, flat(), fitted(flat()))
    assert theirs.log_likelihood[-1] == pytest.approx(-1130.264, abs=1e-3)


def test_both_begin_at_the_same_point():
    ours = fitted(flat(3))
    steps, path = against_em.likelihood_path(FAITHFUL, ours)
    theirs = run(FAITHFUL, flat(3), ours, iterations=1)
    assert steps[0] == 0
    assert theirs.log_likelihood[0] == pytest.approx(path[0], rel=1e-12)
    assert path[-1] == pytest.approx(-ours.final_loss[ours.chosen], rel=1e-12)
    assert theirs.verdict == "moving"
    assert theirs.iterations == 1


def test_a_long_way_through_much_data_is_thinned():
    ours = fitted(flat())
    steps, path = against_em.likelihood_path(FAITHFUL, ours, budget=10 * 272 * 2)
    assert len(steps) == len(path) == 10
    assert (steps[0], steps[-1]) == (0, 200)


def test_with_priors_em_stands_no_lower_on_the_likelihood():
    mixture = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(FAITHFUL))
    ours = fitted(mixture)
    theirs = run(FAITHFUL, mixture, ours)
    _, path = against_em.likelihood_path(FAITHFUL, ours)
    assert theirs.log_likelihood[-1] > path[-1] + 0.01
    assert gmm.log_joint(FAITHFUL, mixture, theirs.parameters) < -ours.final_loss[ours.chosen]


def test_a_singular_end_is_called_collapsed():
    start = gmm.Parameters([0.5, 0.5], [[0.0], [11.0]], [[[0.01]], [[1.0]]])
    em = gmm.fit_em(TUTORIAL, flat(2, "spherical"), start)
    assert em.verdict == "collapsed"
    assert np.isfinite(em.log_likelihood).all()


def test_components_are_matched_before_they_are_differenced():
    mixture = gmm.Mixture(n_components=4, covariance="full", tied=False)
    point = random_point(mixture, 2)
    turned = point.permuted([2, 0, 3, 1])
    np.testing.assert_array_equal(matching.matched(point, turned).locs, point.locs)
    rows = matching.differences(FAITHFUL, point, turned)
    assert len(rows) == 4 * (1 + 2 + 2 + 1)
    assert {r.gap for r in rows} == {0.0}
    assert matching.largest_gap(point, turned) == 0
    fewer = random_point(mixture.model_copy(update={"n_components": 2}), 2, seed=1)
    assert len(matching.matched(fewer, point).weights) == 4
    assert {r.component for r in matching.differences(FAITHFUL, fewer, point)} == {0, 1}
    moved = gmm.Parameters(point.weights, point.locs + 2 * point.scales, point.scale_tril)
    assert matching.largest_gap(point, moved.permuted([3, 2, 1, 0])) > 0


def test_progress_streams_the_trace_and_cancel_keeps_it():
    ours, picture = fitted(flat(3)), Picture()
    spec = against_em.specification(FAITHFUL, flat(3), ours)

    def watch(progress):
        picture.apply(progress.snapshot)
        if progress.done >= 2:
            raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as stopped:
        gmm.fit_em(FAITHFUL, spec.mixture, spec.parameters, on_progress=watch)
    partial = stopped.value.partial
    seen = picture.arrays["log_likelihood"]
    count = np.isfinite(seen).sum()
    assert partial.verdict == "moving"
    np.testing.assert_array_equal(partial.log_likelihood[:count], seen[:count])


def test_priors_are_refused():
    with pytest.raises(ValueError, match="EM maximises the likelihood"):
        gmm.fit_em(TUTORIAL, gmm.Mixture(), random_point(gmm.Mixture(), 1))


def test_weights_count_along_the_way_as_rows_do():
    w = 1 + np.arange(272) % 3
    weighted = gmm.Dataset.from_values(FAITHFUL.values, FAITHFUL.columns, weights=w)
    expanded = gmm.Dataset.from_values(FAITHFUL.values.repeat(w, axis=0), FAITHFUL.columns)
    ours = fitted(flat(), weighted)
    _, path = against_em.likelihood_path(weighted, ours)
    _, expected = against_em.likelihood_path(expanded, ours)
    np.testing.assert_allclose(path, expected, rtol=1e-12)
    assert path[-1] == pytest.approx(-ours.final_loss[ours.chosen], rel=1e-12)
