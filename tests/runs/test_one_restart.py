"""A restart that is opened is shown as if it had been the chosen one."""

from __future__ import annotations

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.runs.one_restart import alone, opened
from gmm_core.runs.specification import Specification


def spec(**options):
    return Specification(
        dataset=gmm.example("tutorial"),
        mixture=gmm.Mixture(),
        options=gmm.MapOptions(**{"restarts": 12, "choose": "final"} | options),
    )


def run(specification):
    return gmm.fit_map(
        specification.dataset,
        specification.mixture,
        specification.options,
        engine=specification.engine,
    )


@pytest.mark.parametrize("polish", [False, True])
def test_start_alone_goes_the_way_it_went_among_others(polish):
    specification = spec(polish=polish)
    fit = run(specification)
    for r in (3, int(np.flatnonzero(fit.verdict == "collapsed")[0])):
        one = run(alone(specification, r))
        shared = np.isfinite(fit.loss[r])
        assert one.loss[0][shared] == pytest.approx(fit.loss[r][shared], rel=1e-12)
        assert one.verdict[0] == fit.verdict[r]
        shown = opened(fit, r, one)
        assert shown.chosen == r
        assert shown.parameters.locs == pytest.approx(fit.restart(r).locs, abs=1e-6)
        last = shown.trajectory[1][len(shown.trajectory[0]) - 1]
        assert last.locs == pytest.approx(fit.restart(r).locs, abs=1e-6)
        assert shown.basin is fit.basin


def test_opened_without_its_run_is_at_its_end():
    fit = run(spec())
    r = (fit.chosen + 1) % 12
    shown = opened(fit, r)
    steps, points = shown.trajectory
    assert len(steps) == len(points) == 1
    assert points[0].locs == pytest.approx(fit.restart(r).locs)


def test_untrained_start_is_trained_by_itself():
    specification = spec(choose="initial")
    fit = run(specification)
    r = int(np.flatnonzero(fit.verdict == "untrained")[0])
    shown = opened(fit, r, run(alone(specification, r)))
    assert shown.verdict[r] in ("converged", "moving", "collapsed")
    assert np.isfinite(shown.final_loss[r])
    assert shown.loss[r, 0] == pytest.approx(fit.loss[r, 0])
    assert fit.verdict[r] == "untrained"  # the fit itself is as it was
    assert shown.count("untrained") == fit.count("untrained") - 1


def test_opening_the_chosen_start_changes_nothing():
    fit = run(spec())
    assert opened(fit, fit.chosen) is fit


def test_start_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no restart 12"):
        alone(spec(), 12)
    with pytest.raises(ValueError, match="no restart 99"):
        opened(run(spec()), 99)
