"""What the Posterior page computes from the draws, once for each run.

Everything is cached by the run and how many draws it has: one that was stopped may be run again
and have more. The arrays themselves are never hashed.
"""

from __future__ import annotations

from collections.abc import Callable
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
from gmm_core.runs import kinds
from gmm_core.runs.options import NutsOptions, SmcOptions
from gmm_core.words.robustness import sensitivity_words
from pages.parts.stream import live

Key = tuple[Any, ...]

_PRIOR_DRAWS = 200

MOST_LEFT_OUT = 2_000
"""Points that are left out one at a time: some seconds with the draws of a usual run."""


class Answer(NamedTuple):
    """A finished posterior with what it is of, and the key of what is computed from it.

    draws : those of the chains that lie together; `every` has all chains.
    """

    key: Key
    data: Dataset
    mixture: Mixture
    options: NutsOptions | SmcOptions
    draws: Posterior
    every: Posterior
    groups: ChainGroups

    @property
    def weighs_modes(self) -> bool:
        """Whether the sampler gave each mode its weight, so that no chain can keep to one."""
        return self.every.weights_of_modes is not None


def answer(view: live.View) -> Answer | None:
    """Return the posterior of a view, or None while there is none."""
    if view.result is None or view.spec is None:
        return None
    every: Posterior = kinds.shown(view.spec, view.result)
    data = view.spec.dataset
    key = (str(view.run_id), every.n_chains, every.n_draws)
    groups = _groups(key, data, every)
    together = every.of_chains(groups.together) if groups.apart else every
    return Answer(key, data, view.spec.mixture, chosen(view), together, every, groups)


def needs_weights(of: Answer) -> bool:
    """Whether chains keep to modes of their own, so that their number would stand for weight."""
    if of.weighs_modes or of.mixture.n_components == 1:
        return False
    return bool(of.groups.apart) or overview_of(of).agreement.far


def weighed(of: Answer, view: live.View | None) -> Answer | None:
    """Return the draws in which every mode has its weight, where a run beside has them."""
    if view is None or view.result is None or view.spec is None:
        return None
    weighed_draws: Posterior = kinds.shown(view.spec, view.result)
    key = (str(view.run_id), weighed_draws.n_chains, weighed_draws.n_draws)
    return of._replace(key=key, draws=weighed_draws)


def seen(of: Answer, answering: Answer) -> Any:
    """Return for each chain the share of the posterior where it lay [C]."""
    return _seen((of.key, answering.key), of, answering)


def highest(of: Answer) -> Parameters:
    """Return where each chain lay highest [C], in case that no search finds its mode."""
    return mode_weights.highest(of.every)


def misled(of: Answer, answering: Answer) -> Misled:
    """Return the pair of points that the chains, averaged, would have got most wrong."""
    return _misled((of.key, answering.key), of, answering)


def chosen(view: live.View) -> NutsOptions | SmcOptions:
    """Return the options of the run."""
    assert view.spec is not None
    assert isinstance(view.spec.options, NutsOptions | SmcOptions)
    return view.spec.options


def overview_of(of: Answer) -> Overview:
    """Return what the page says of the draws."""
    return _overview(of.key, of)


def labelled(of: Answer, labels: str, column: int) -> Posterior:
    """Return the draws under labels of one of `LABELS`."""
    return of.draws if of.mixture.n_components == 1 else LABELS[labels](of, column)


LABELS: dict[str, Callable[[Answer, int], Posterior]] = {
    "raw": lambda of, column: of.draws,
    "ordered": lambda of, column: relabelling.ordered(of.draws, column),
    "relabelled": lambda of, column: _relabelled(of.key, of),
}
"""How components are labelled, by what people read: of an answer and a column, for the order."""


def summarised(of: Answer, labels: str, column: int) -> list[SummaryRow]:
    """Return the summary of the draws under these labels."""
    return _summary((*of.key, labels), of, labels, column)


def invariant(of: Answer, column: int) -> list[SummaryRow]:
    """Return the summary of what does not depend on labels."""
    return _invariant(of.key, of, column)


def occupied(of: Answer) -> Any:
    """Return the posterior of the number of occupied components [K]."""
    return _occupied(of.key, of)


def boundaries(of: Answer, low: float, high: float) -> invariants.Boundaries:
    """Return where the most probable component changes, over draws."""
    return _boundaries(of.key, of, low, high)


def exact_comparison(of: Answer, same: Mixture) -> exact_check.ExactComparison:
    """Return the exact posterior beside the draws."""
    return _exact_comparison(of.key, of, same)


def check(of: Answer, column: int) -> predictive.PredictiveCheck:
    """Return the posterior predictive check along a column."""
    return _check(of.key, of, column)


def left_out(of: Answer) -> Loo:
    """Return how well each point is foretold from the others."""
    return _left_out(of.key, of)


def places(of: Answer, column: int) -> Pit:
    """Return where each point lies among what the others foretell along a column."""
    return _places((*of.key, column), of, column)


def tied(of: Answer) -> TiedMode | None:
    """Return the mode on equal values that outweighs the draws, where there is one."""
    return _tied(of.key, of)


def owed_to_priors(of: Answer) -> str:
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
def _seen(key: Key, _of: Answer, _answering: Answer) -> Any:
    return mode_weights.seen_by_chains(_of.data, _of.every, _answering.draws)


@st.cache_resource(max_entries=16, show_spinner=False)
def _misled(key: Key, _of: Answer, _answering: Answer) -> Misled:
    summary = overview_of(_answering)
    return mode_weights.most_misled(_of.data, summary.rows, _of.every, summary.together)


@st.cache_resource(max_entries=16, show_spinner=False)
def _overview(key: Key, _of: Answer) -> Overview:
    return overview(_of.data, _of.draws)


@st.cache_resource(max_entries=4, show_spinner=False)
def _relabelled(key: Key, _of: Answer) -> Posterior:
    labels = overview_of(_of).labels
    if labels is None:
        return _of.draws.relabelled(_of.data)
    return relabelling.reordered(_of.draws, labels.order)


@st.cache_resource(max_entries=16, show_spinner=False)
def _summary(key: Key, _of: Answer, labels: str, column: int) -> list[SummaryRow]:
    return summary(labelled(_of, labels, column), _of.data, column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _invariant(key: Key, _of: Answer, column: int) -> list[SummaryRow]:
    return diagnostics.invariant_rows(_of.data, _of.draws, column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _occupied(key: Key, _of: Answer) -> Any:
    data = _of.data
    counted = data.values if data.weights is None else data.values[data.weights > 0]
    return invariants.occupied(thinned(_of.draws), counted)


@st.cache_resource(max_entries=16, show_spinner=False)
def _boundaries(key: Key, _of: Answer, low: float, high: float) -> invariants.Boundaries:
    return invariants.boundary_draws(thinned(_of.draws), low, high)


@st.cache_resource(max_entries=16, show_spinner=False)
def _exact_comparison(key: Key, _of: Answer, _same: Mixture) -> exact_check.ExactComparison:
    return exact_check.compare(_of.data, _same, _of.draws)


@st.cache_resource(max_entries=8, show_spinner=False)
def _check(key: Key, _of: Answer, column: int) -> predictive.PredictiveCheck:
    return predictive.check_predictive(_of.data, thinned(_of.draws), column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _left_out(key: Key, _of: Answer) -> Loo:
    return loo(_of.data, _of.draws)


@st.cache_resource(max_entries=16, show_spinner=False)
def _places(key: Key, _of: Answer, _column: int) -> Pit:
    return pit(_of.data, _of.draws, _column)


@st.cache_resource(max_entries=16, show_spinner=False)
def _tied(key: Key, _of: Answer) -> TiedMode | None:
    return tied_mode(_of.data, _of.mixture, _of.draws)


@st.cache_resource(max_entries=16, show_spinner=False)
def _owed_to_priors(key: Key, _of: Answer) -> str:
    try:
        return sensitivity_words(sensitivity(_of.data, _of.mixture, _of.draws))
    except ValueError as error:  # a prior that a power would take apart
        return str(error)


@st.cache_resource(max_entries=16, show_spinner=False)
def _from_priors(key: Key, _data: Dataset, _mixture: Mixture) -> tuple[Parameters, Any]:
    draws = predictive.prior_draws(_data, _mixture, _PRIOR_DRAWS, seed=0)
    return draws, predictive.central_values(draws)
