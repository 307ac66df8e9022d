"""A right sampler passes its calibration; one without a Jacobian, or of half a posterior, fails."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.engines import compiled_nuts
from gmm_core.inference import kinds
from gmm_core.inference.cost import estimate_seconds
from gmm_core.inference.run import combine, run_part
from gmm_core.posterior.calibration import KEPT, QUANTITIES
from gmm_core.runs.progress import Picture
from gmm_core.runs.serialize import pack, unpack
from gmm_core.sharing.report import report
from gmm_core.words.calibration import calibration_words

# Three points, where priors and Jacobian count the most.
DATA = gmm.Dataset.from_values([-1.0, 0.5, 2.0])
MIXTURE = gmm.Mixture(priors=gmm.Priors(concentration=2, loc_scale=5, scale_log_sd=1))
SHORT = gmm.CalibrationOptions(sets=60, warmup=100, thin=5)


@pytest.mark.parametrize("sampler", ["nutpie", "smc"])
def test_a_right_sampler_passes(sampler):
    calibration = gmm.calibrate(DATA, MIXTURE, SHORT.model_copy(update={"sampler": sampler}))
    assert calibration.ranks.shape == (len(QUANTITIES), 60)
    assert calibration.n_bins == 5
    assert calibration.p_value > 0.01
    assert calibration_words(calibration).startswith("Yes, as far as 60 simulated data sets tell")


def of_a_wrong_one(name):
    """Calibrate an engine of this file, which the registry takes as any other."""
    wrong = kinds.Engine("posterior", name, __name__)
    kinds.register(wrong)
    try:
        return gmm.calibrate(DATA, MIXTURE, SHORT.model_copy(update={"sampler": name}))
    finally:
        kinds.withdraw(wrong)


def sample_chain(dataset, mixture, options, part, on_progress=None):
    return SAMPLE(dataset, mixture, options, part, on_progress)


def without_jacobian(*args):
    right = compiled_nuts.Problem.of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            compiled_nuts.Problem, "of", lambda *a, **k: right(*a, **(k | {"jacobian": False}))
        )
        return compiled_nuts.sample_chain(*args)


def without_a_mode(*args):
    """Of the posterior's draws only those whose lower loc is in the lower half of them."""
    posterior = compiled_nuts.sample_chain(*args)
    lower = posterior.draws["locs"][0, :, :, 0].min(axis=-1)
    rows = np.flatnonzero(lower <= np.median(lower))
    again = np.resize(rows, posterior.n_draws)
    return gmm.Posterior(
        {name: array[:, again] for name, array in posterior.draws.items()},
        {n: a if a.ndim == 1 else a[:, again] for n, a in posterior.stats.items()},
    )


SAMPLE = without_jacobian


@pytest.mark.parametrize("wrong", [without_jacobian, without_a_mode])
def test_a_wrong_sampler_fails(wrong, monkeypatch):
    monkeypatch.setattr(f"{__name__}.SAMPLE", wrong)
    calibration = of_a_wrong_one("wrong")
    assert calibration.p_value < 0.01
    assert calibration_words(calibration).startswith(
        f"No: the ranks of the {calibration.worst} are not even"
    )


def test_parts_make_the_same_answer_and_few_sets_say_nothing():
    options = gmm.CalibrationOptions(sets=12, warmup=20, thin=1)
    spec = gmm.Specification(dataset=DATA, mixture=MIXTURE, options=options)
    picture = Picture()
    parts = [run_part(spec, p, lambda now: picture.apply(now.snapshot)) for p in (1, 0)][::-1]
    calibration = combine(spec, parts)
    np.testing.assert_array_equal(picture.arrays["ranks"], calibration.ranks)
    np.testing.assert_array_equal(gmm.calibrate(DATA, MIXTURE, options).ranks, calibration.ranks)
    np.testing.assert_array_equal(unpack(pack(calibration)).ranks, calibration.ranks)
    assert calibration.ranks.min() >= 0
    assert calibration.ranks.max() <= KEPT
    assert np.isnan(calibration.p_value)
    assert calibration_words(calibration).startswith(
        "Not enough to tell: 12 data sets of at least 50"
    )
    assert "Not enough to tell" in report(spec, calibration)
    longer = spec.model_copy(update={"options": options.model_copy(update={"thin": 50})})
    assert estimate_seconds(longer) > estimate_seconds(spec)

    def stop(progress):
        raise gmm.Cancelled

    with pytest.raises(gmm.Cancelled):
        run_part(spec, 0, stop)


def test_what_cannot_be_calibrated_is_refused_in_words():
    with pytest.raises(ValueError, match=r"flat prior.*Give every prior"):
        gmm.calibrate(DATA, gmm.Mixture(priors=gmm.Priors.flat()))
    with pytest.raises(ValueError, match="no sampler 'dice'. Choose 'nutpie'"):
        gmm.calibrate(DATA, MIXTURE, gmm.CalibrationOptions(sampler="dice"))
    with pytest.raises(ValueError, match="sets is 1.*from 2"):
        gmm.CalibrationOptions(sets=1)
    with pytest.raises(ValueError, match="noise"):
        gmm.calibrate(DATA, MIXTURE.model_copy(update={"noise": True}))
