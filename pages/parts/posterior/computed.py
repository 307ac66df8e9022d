"""What the Posterior page computes from the draws, once for each run.

Everything is cached by the run and how many draws it has: one that was stopped may be run again
and have more. The arrays themselves are never hashed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from gmm_core import exact_check, invariants, predictive, relabelling, trust
from gmm_core.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters
from gmm_core.options import NutsOptions
from gmm_core.posterior_summary import Overview, SummaryRow, overview, summary, thinned
from gmm_core.results import Posterior
from pages.parts import live

Key = tuple[Any, ...]

_PRIOR_DRAWS = 200


class Drawn(NamedTuple):
    """A finished posterior with what it is of, and the key of what is computed from it."""

    key: Key
    data: Dataset
    mixture: Mixture
    options: NutsOptions
    found: Posterior


def drawn(view: live.View) -> Drawn | None:
    """Return the posterior of a view, or None while there is none."""
    if view.result is None or view.spec is None:
        return None
    found: Posterior = view.result
    key = (str(view.run_id), found.n_chains, found.n_draws)
    return Drawn(key, view.spec.dataset, view.spec.mixture, chosen(view), found)


def chosen(view: live.View) -> NutsOptions:
    """Return the options of the run."""
    assert view.spec is not None
    assert isinstance(view.spec.options, NutsOptions)
    return view.spec.options


def looked(of: Drawn) -> Overview:
    """Return what the page says of the draws."""
    return _overview(of.key, of)


def labelled(of: Drawn, labels: str, column: int) -> Posterior:
    """Return the draws under "raw", "ordered" or "relabelled" labels."""
    if labels == "raw" or of.mixture.n_components == 1:
        return of.found
    if labels == "ordered":
        return relabelling.ordered(of.found, column)
    return _relabelled(of.key, of)


def summarised(of: Drawn, labels: str, column: int) -> list[SummaryRow]:
    """Return the summary of the draws under these labels."""
    return _summary((*of.key, labels), of, labels, column)


def invariant(of: Drawn, column: int) -> list[SummaryRow]:
    """Return the summary of what does not depend on labels."""
    return _invariant(of.key, of, column)


def occupied(of: Drawn) -> Any:
    """Return the posterior of the number of occupied components [K]."""
    return _occupied(of.key, of)


def boundaries(of: Drawn, low: float, high: float) -> invariants.Boundaries:
    """Return where the most probable component changes, over draws."""
    return _boundaries(of.key, of, low, high)


def beside(of: Drawn, same: Mixture) -> exact_check.Beside:
    """Return the exact posterior beside the draws."""
    return _beside(of.key, of, same)


def check(of: Drawn, column: int) -> predictive.PredictiveCheck:
    """Return the posterior predictive check along a column."""
    return _check(of.key, of, column)


def from_priors(data: Dataset, mixture: Mixture) -> tuple[Parameters, Any]:
    """Return mixtures drawn from the priors, and the central 90 % of their values [2, D]."""
    return _from_priors((data.fingerprint, mixture.model_dump_json()), data, mixture)


def edges(data: Dataset, column: int = 0) -> tuple[float, float]:
    """Return the range of a column that figures show: the data's and a tenth on either side."""
    x = data.values[:, column]
    margin = 0.1 * (float(np.ptp(x)) or 1.0)
    return float(x.min()) - margin, float(x.max()) + margin


@st.cache_resource(max_entries=16, show_spinner=False)
def _overview(key: Key, _of: Drawn) -> Overview:
    return overview(_of.data, _of.found)


@st.cache_resource(max_entries=4, show_spinner=False)
def _relabelled(key: Key, _of: Drawn) -> Posterior:
    labels = looked(_of).labels
    if labels is None:
        return _of.found.relabelled(_of.data)
    return relabelling.reordered(_of.found, labels.order)


@st.cache_resource(max_entries=16, show_spinner=False)
def _summary(key: Key, _of: Drawn, labels: str, column: int) -> list[SummaryRow]:
    return summary(labelled(_of, labels, column), _of.data.columns, column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _invariant(key: Key, _of: Drawn, column: int) -> list[SummaryRow]:
    return trust.invariant_rows(_of.data, _of.found, column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _occupied(key: Key, _of: Drawn) -> Any:
    return invariants.occupied(thinned(_of.found), _of.data.values)


@st.cache_resource(max_entries=16, show_spinner=False)
def _boundaries(key: Key, _of: Drawn, low: float, high: float) -> invariants.Boundaries:
    return invariants.boundary_draws(thinned(_of.found), low, high)


@st.cache_resource(max_entries=16, show_spinner=False)
def _beside(key: Key, _of: Drawn, _same: Mixture) -> exact_check.Beside:
    return exact_check.beside(_of.data, _same, _of.found)


@st.cache_resource(max_entries=8, show_spinner=False)
def _check(key: Key, _of: Drawn, column: int) -> predictive.PredictiveCheck:
    return predictive.check_predictive(_of.data, thinned(_of.found), column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _from_priors(key: Key, _data: Dataset, _mixture: Mixture) -> tuple[Parameters, Any]:
    found = predictive.prior_draws(_data, _mixture, _PRIOR_DRAWS, seed=0)
    return found, predictive.central_values(found)
