"""What scikit-learn does not document and gmm_core/engines/em_engine.py builds on."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.mixture import GaussianMixture

from gmm_core.engines import em_engine

from .promises import files_that_match, name, takes

VERSION = f"scikit-learn {sklearn.__version__}"
POINTS = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0.0], [4.0]], 30, axis=0)


def test_one_file_uses_what_scikit_learn_does_not_document():
    assert files_that_match(r"super\(\)\._[em]_step\b", ("pages", "gmm_core")) == {
        "gmm_core/engines/em_engine.py"
    }


@pytest.mark.parametrize(
    ("inner", "arguments"), [("_e_step", ("self", "X")), ("_m_step", ("self", "X", "log_resp"))]
)
def test_a_mixture_has_the_steps_that_are_watched(inner, arguments):
    step = name(
        "scikit-learn",
        "sklearn.mixture",
        f"GaussianMixture.{inner}",
        "each step of EM is watched there, and a family of ours takes its place",
    )
    takes("scikit-learn", step, *arguments)


def test_the_steps_are_called_in_every_iteration_and_the_e_step_gives_the_mean_likelihood():
    calls: list[tuple[str, float]] = []

    class Watched(GaussianMixture):
        def _e_step(self, X, *args, **kwargs):
            result = super()._e_step(X, *args, **kwargs)
            calls.append(("e", float(result[0])))
            return result

        def _m_step(self, X, log_resp, *args, **kwargs):
            calls.append(("m", float(np.exp(log_resp).sum())))
            return super()._m_step(X, log_resp, *args, **kwargs)

    mixture = Watched(2, max_iter=50, tol=1e-6, random_state=0).fit(POINTS)
    steps = [step for step, _ in calls]
    assert steps[:4] == ["e", "m", "e", "m"], (
        f"{VERSION} begins {steps[:4]} instead of E, M, E, M: the trace of a run would be shifted."
    )
    shares = [total for step, total in calls if step == "m"]
    assert shares == pytest.approx([60.0] * len(shares)), (
        f"{VERSION} gives the M-step something else than log responsibilities."
    )
    last = [mean for step, mean in calls if step == "e"][-1]
    assert last == pytest.approx(mixture.score(POINTS), abs=1e-9), (
        f"{VERSION}: the E-step's first result is no longer the mean log likelihood."
    )


@pytest.mark.parametrize("form", sorted(em_engine._FORMS))
def test_factors_of_precisions_have_the_form_that_is_turned_into_ours(form):
    mixture = GaussianMixture(2, covariance_type=form, random_state=0).fit(POINTS)
    factors = em_engine._FORMS[form].scale_tril(mixture.precisions_cholesky_, 2)
    ours = np.broadcast_to(factors @ np.swapaxes(factors, -1, -2), (2, 2, 2))
    theirs = {
        "spherical": lambda v: v[:, None, None] * np.eye(2),
        "diag": lambda v: v[:, :, None] * np.eye(2),
        "full": lambda v: v,
        "tied": lambda v: np.broadcast_to(v, (2, 2, 2)),
    }[form](mixture.covariances_)
    np.testing.assert_allclose(
        ours, theirs, rtol=1e-10, atol=1e-12,
        err_msg=f"{VERSION} keeps precisions_cholesky_ of {form!r} covariances in another form.",
    )  # fmt: skip
