"""K against K + 1: the published statistic, and p-values that are uniform where K is true."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.comparison.likelihood_ratio import LikelihoodRatio
from gmm_core.engines import best_optimum
from gmm_core.inference.run import combine, run_part

FAITHFUL = gmm.example("faithful")


def test_one_component_is_rejected_on_faithful():
    mixture = gmm.Mixture(n_components=1, covariance="full", tied=False, priors=gmm.Priors.flat())
    ratio = gmm.likelihood_ratio_test(
        FAITHFUL, mixture, gmm.LikelihoodRatioOptions(replicates=19, starts=2)
    )
    # mclust 6: mclustBootstrapLRT(faithful, "VVV"), 1 against 2.
    assert ratio.statistic == pytest.approx(319.0654, abs=1e-3)
    assert ratio.p_value == 1 / 20
    assert (ratio.replicates >= 0).all()


def test_the_true_number_is_rejected_as_often_as_it_should_be():
    """Normal data, one component against two: p-values are uniform, up to chance."""
    rng = np.random.default_rng(5)
    mixture = gmm.Mixture(n_components=1, priors=gmm.Priors.flat())
    options = gmm.LikelihoodRatioOptions(replicates=19, starts=3)
    p = [
        gmm.likelihood_ratio_test(
            gmm.Dataset.from_values(rng.normal(size=40)), mixture, options
        ).p_value
        for _ in range(20)
    ]
    # The mean of 20 uniforms has a standard error of 0.065.
    assert np.mean(p) == pytest.approx(0.525, abs=4 * 0.065)


def test_a_larger_mixture_never_fits_worse():
    """Split components start it at the smaller one's likelihood."""
    point = gmm.Parameters(
        [0.7, 0.3], [[0.0, 0.0], [5.0, 5.0]], [[[2.0, 0.0], [1.0, 1.0]], np.eye(2)]
    )
    split = best_optimum.splits(point)
    assert [len(larger.weights) for larger in split] == [3, 3]
    for k, larger in enumerate(split):
        assert larger.weights.sum() == pytest.approx(1)
        assert (larger.locs[k] + larger.locs[2]) / 2 == pytest.approx(point.locs[k])


def test_p_values_count_ties_and_leave_out_what_is_unknown():
    ratio = LikelihoodRatio(2.0, np.array([1.0, 2.0, 3.0, np.nan]))
    assert ratio.p_value == 3 / 4
    assert np.isnan(LikelihoodRatio(2.0, np.array([np.nan])).p_value)


def test_parts_make_the_same_test():
    mixture = gmm.Mixture(priors=gmm.Priors.flat())
    options = gmm.LikelihoodRatioOptions(replicates=25, starts=1)
    spec = gmm.Specification(dataset=FAITHFUL, mixture=mixture, options=options)
    combined = combine(spec, [run_part(spec, part) for part in range(2)])
    whole = gmm.likelihood_ratio_test(FAITHFUL, mixture, options)
    np.testing.assert_array_equal(combined.replicates, whole.replicates)
    assert len(whole.replicates) == 25


def test_as_many_components_as_points_cannot_be_tested_against_more():
    with pytest.raises(ValueError, match="K = 6 components need at least as many points"):
        gmm.likelihood_ratio_test(gmm.example("tutorial"), gmm.Mixture(n_components=5))


def test_tests_go_on_until_one_does_not_reject():
    """Three groups far apart are called for, and no fourth."""
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(m, 1, 40) for m in (0.0, 12.0, 30.0)])
    data = gmm.Dataset.from_values(values)
    mixture = gmm.Mixture(n_components=1, priors=gmm.Priors.flat())
    options = gmm.LikelihoodRatioOptions(replicates=39, starts=4)
    tests = gmm.sequential_likelihood_ratio_tests(data, mixture, options)
    assert len(tests) == 3
    assert [test.p_value for test in tests[:2]] == [1 / 40, 1 / 40]
    assert tests[2].p_value > 0.05
    # Each is the test by itself.
    two = mixture.model_copy(update={"n_components": 2})
    alone = gmm.likelihood_ratio_test(data, two, options)
    np.testing.assert_array_equal(tests[1].replicates, alone.replicates)


def test_tests_that_were_stopped_leave_those_that_are_finished():
    mixture = gmm.Mixture(n_components=1, covariance="full", tied=False, priors=gmm.Priors.flat())
    options = gmm.LikelihoodRatioOptions(replicates=19, starts=2)
    begun = []

    def stop(progress):
        begun.extend([progress.done] if progress.done < 19 else [])
        begun.append(progress.done)
        if begun.count(19) > 1:
            raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled) as stopped:
        gmm.sequential_likelihood_ratio_tests(FAITHFUL, mixture, options, on_progress=stop)
    assert [test.p_value for test in stopped.value.partial] == [1 / 20]


@pytest.mark.parametrize(
    ("level", "message"), [(0.0, "level is 0.0.*probability"), (0.01, "19 replicates.*Raise")]
)
def test_levels_that_no_test_can_reach_are_refused(level, message):
    options = gmm.LikelihoodRatioOptions(replicates=19)
    with pytest.raises(ValueError, match=message):
        gmm.sequential_likelihood_ratio_tests(
            FAITHFUL, gmm.Mixture(n_components=1), options, level=level
        )
