"""What the Posterior page computes from the draws, once for each run.

Everything is cached by the run and how many draws it has: one that was stopped may be run again
and have more. The arrays themselves are never hashed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters
from gmm_core.posterior import (
    diagnostics,
    exact_check,
    invariants,
    mode_weights,
    predictive,
    relabelling,
)
from gmm_core.posterior.chain_groups import ChainGroups, chain_groups
from gmm_core.posterior.draws import Posterior
from gmm_core.posterior.loo import Loo, loo
from gmm_core.posterior.mode_weights import Misled
from gmm_core.posterior.overview import Overview, overview
from gmm_core.posterior.pit import Pit, pit
from gmm_core.posterior.sensitivity import sensitivity
from gmm_core.posterior.summary import SummaryRow, summary, thinned
from gmm_core.posterior.ties import TiedMode, tied_mode
from gmm_core.runs.options import NutsOptions, SmcOptions
from gmm_core.words.robustness import sensitivity_words
from pages.parts.stream import live

Key = tuple[Any, ...]

_PRIOR_DRAWS = 200

MOST_LEFT_OUT = 2_000
"""Points that are left out one at a time: some seconds with the draws of a usual run."""


class Drawn(NamedTuple):
    """A finished posterior with what it is of, and the key of what is computed from it.

    found : the draws of the chains that lie together; `every` has all chains.
    """

    key: Key
    data: Dataset
    mixture: Mixture
    options: NutsOptions | SmcOptions
    found: Posterior
    every: Posterior
    groups: ChainGroups


def drawn(view: live.View) -> Drawn | None:
    """Return the posterior of a view, or None while there is none."""
    if view.result is None or view.spec is None:
        return None
    every: Posterior = view.result
    data = view.spec.dataset
    key = (str(view.run_id), every.n_chains, every.n_draws)
    groups = _groups(key, data, every)
    together = every.of_chains(groups.together) if groups.apart else every
    return Drawn(key, data, view.spec.mixture, chosen(view), together, every, groups)


def needs_weights(of: Drawn) -> bool:
    """Whether chains keep to modes of their own, so that their number would stand for weight."""
    if not isinstance(of.options, NutsOptions) or of.mixture.n_components == 1:
        return False
    return bool(of.groups.apart) or looked(of).trust.far


def weighed(of: Drawn, view: live.View | None) -> Drawn | None:
    """Return the draws in which every mode has its weight, where a run beside has them."""
    if view is None or view.result is None:
        return None
    found: Posterior = view.result
    key = (str(view.run_id), found.n_chains, found.n_draws)
    return of._replace(key=key, found=found)


def seen(of: Drawn, answering: Drawn) -> Any:
    """Return for each chain the share of the posterior where it lay [C]."""
    return _seen((of.key, answering.key), of, answering)


def misled(of: Drawn, answering: Drawn) -> Misled:
    """Return the pair of points that the chains, averaged, would have got most wrong."""
    return _misled((of.key, answering.key), of, answering)


def chosen(view: live.View) -> NutsOptions | SmcOptions:
    """Return the options of the run."""
    assert view.spec is not None
    assert isinstance(view.spec.options, NutsOptions | SmcOptions)
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


def beside(of: Drawn, same: Mixture) -> exact_check.ExactComparison:
    """Return the exact posterior beside the draws."""
    return _beside(of.key, of, same)


def check(of: Drawn, column: int) -> predictive.PredictiveCheck:
    """Return the posterior predictive check along a column."""
    return _check(of.key, of, column)


def left_out(of: Drawn) -> Loo:
    """Return how well each point is foretold from the others."""
    return _left_out(of.key, of)


def places(of: Drawn, column: int) -> Pit:
    """Return where each point lies among what the others foretell along a column."""
    return _places((*of.key, column), of, column)


def tied(of: Drawn) -> TiedMode | None:
    """Return the mode on equal values that outweighs the draws, where there is one."""
    return _tied(of.key, of)


def owed_to_priors(of: Drawn) -> str:
    """Say how far the answer moves under weaker and stronger priors."""
    return _owed_to_priors(of.key, of)


def from_priors(data: Dataset, mixture: Mixture) -> tuple[Parameters, Any]:
    """Return mixtures drawn from the priors, and the central 90 % of their values [2, D]."""
    return _from_priors((data.fingerprint, mixture.model_dump_json()), data, mixture)


def edges(data: Dataset, column: int = 0) -> tuple[float, float]:
    """Return the range of a column that figures show: the data's and a tenth on either side."""
    x = data.seen(column)
    margin = 0.1 * (float(np.ptp(x)) or 1.0)
    return float(x.min()) - margin, float(x.max()) + margin


@st.cache_resource(max_entries=16, show_spinner=False)
def _groups(key: Key, _data: Dataset, _every: Posterior) -> ChainGroups:
    return chain_groups(_data, _every)


@st.cache_resource(max_entries=16, show_spinner=False)
def _seen(key: Key, _of: Drawn, _answering: Drawn) -> Any:
    return mode_weights.seen_by_chains(_of.data, _of.every, _answering.found)


@st.cache_resource(max_entries=16, show_spinner=False)
def _misled(key: Key, _of: Drawn, _answering: Drawn) -> Misled:
    look = looked(_answering)
    return mode_weights.most_misled(_of.data, look.rows, _of.every, look.together)


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
    return diagnostics.invariant_rows(_of.data, _of.found, column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _occupied(key: Key, _of: Drawn) -> Any:
    return invariants.occupied(thinned(_of.found), _of.data.values)


@st.cache_resource(max_entries=16, show_spinner=False)
def _boundaries(key: Key, _of: Drawn, low: float, high: float) -> invariants.Boundaries:
    return invariants.boundary_draws(thinned(_of.found), low, high)


@st.cache_resource(max_entries=16, show_spinner=False)
def _beside(key: Key, _of: Drawn, _same: Mixture) -> exact_check.ExactComparison:
    return exact_check.compare(_of.data, _same, _of.found)


@st.cache_resource(max_entries=8, show_spinner=False)
def _check(key: Key, _of: Drawn, column: int) -> predictive.PredictiveCheck:
    return predictive.check_predictive(_of.data, thinned(_of.found), column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _left_out(key: Key, _of: Drawn) -> Loo:
    return loo(_of.data, _of.found)


@st.cache_resource(max_entries=16, show_spinner=False)
def _places(key: Key, _of: Drawn, _column: int) -> Pit:
    return pit(_of.data, _of.found, _column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _tied(key: Key, _of: Drawn) -> TiedMode | None:
    return tied_mode(_of.data, _of.mixture, _of.found)


@st.cache_resource(max_entries=16, show_spinner=False)
def _owed_to_priors(key: Key, _of: Drawn) -> str:
    try:
        return sensitivity_words(sensitivity(_of.data, _of.mixture, _of.found))
    except ValueError as error:  # a prior that a power would take apart
        return str(error)


@st.cache_resource(max_entries=16, show_spinner=False)
def _from_priors(key: Key, _data: Dataset, _mixture: Mixture) -> tuple[Parameters, Any]:
    draws = predictive.prior_draws(_data, _mixture, _PRIOR_DRAWS, seed=0)
    return draws, predictive.central_values(draws)
