"""Whether the draws can be trusted: ranks, energy, divergences, and what to try."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gmm_core.figures import chains, pairs
from gmm_core.posterior.diagnostics import chain_rows, invariant_draws, rank_counts
from gmm_core.posterior.summary import Named, named_draws
from gmm_core.runs.options import NutsOptions
from gmm_core.words.chain_groups import of_which
from gmm_core.words.checks import chain_advice
from gmm_core.words.posterior import advice, trust_words
from gmm_core.words.weighed import EVIDENCE_HEAD, evidence_rows, populations_words
from pages.parts import controls, settings, text
from pages.parts.posterior import computed, draws
from pages.parts.posterior.computed import Answer
from pages.parts.stream import figure


def show(of: Answer, column: int) -> None:
    """Draw what tells whether the chains have arrived, on what labels cannot spoil."""
    summary = computed.overview_of(of)
    if of.weighs_modes:
        st.markdown(text.plain(populations_words(of.every.stats["pareto_k"].tolist())))
    else:
        st.markdown(text.plain(f"{trust_words(summary)} {of_which(of.groups)}"))
        cures(of, of.options)
    quantities = {q.name: q for q in invariant_draws(of.data, of.draws, column)}
    name = st.selectbox(
        "Quantity",
        list(quantities),
        key=f"trust_of_{of.key[0][:8]}_{column}",
        bind="query-params",
        help="None of these changes when components change places, so chains that have arrived "
        "agree on all of them.",
    )
    shown = quantities[name].draws
    left, right = st.columns(2, gap="large")
    with left:
        figure.show(
            chains.trace(
                shown,
                name,
                title=f"Trace of the {name}",
                diverging=of.draws.stats.get("diverging"),
                every=of.draws.every,
                numbers=of.groups.together,
            ),
            key="trust_trace",
        )
    with right:
        figure.show(chains.ranks(rank_counts(shown), name, of.groups.together), key="ranks")
    draws.summary_table(
        computed.invariant(of, column), "What does not depend on labels, with its diagnostics"
    )
    if of.weighs_modes:
        text.table(
            list(EVIDENCE_HEAD), evidence_rows(of.every), caption="What each population found"
        )
    else:
        chains_of(of, of.options)
    parameters(of, column)


def chains_of(of: Answer, options: NutsOptions) -> None:
    """Draw how the chains of NUTS went: energies, tree depths, and a row for each."""
    rows = chain_rows(of.draws.stats)
    left, right = st.columns(2, gap="large")
    with left:
        energy = of.draws.stats["energy"]
        figure.show(chains.energy(energy, [row.e_bfmi for row in rows]), key="energy")
    with right:
        depth = of.draws.stats["tree_depth"]
        figure.show(chains.depths(depth, options.max_tree_depth), key="depths")
    draws.chain_table(chain_rows(of.every.stats), of.every.stats.get("start"))


def parameters(of: Answer, column: int) -> None:
    """Draw relabelled parameters: in pairs with the divergences, and their intervals."""
    shown = computed.labelled(of, "relabelled", column)
    named = list(named_draws(shown, of.data, column))
    left, right = st.columns([3, 2], gap="large")
    with left:
        in_pairs = [
            # Divergences crowd where a scale is small, which its logarithm spreads out.
            Named(f"log {q.name}", np.log(q.draws)) if q.name[:5] == "scale" else q
            for q in named
            if q.name.startswith(("loc ", "scale"))
        ][: pairs.LARGEST]
        if len(in_pairs) < pairs.LARGEST:
            weight = [q for q in named if q.name == "weight 1"]
            in_pairs += weight if of.mixture.n_components > 1 else []
        if len(in_pairs) > 1:
            figure.show(pairs.pairs(in_pairs, of.draws.stats.get("diverging", ())), key="pairs")
    with right:
        # Weights are between 0 and 1, locs and scales in the data's units: a forest of each.
        locs = [q for q in named if q.name.startswith(("loc ", "scale"))]
        figure.show(chains.forest(locs, "Locs and scales, relabelled"), key="forest_locs")
        weights = [q for q in named if q.name.startswith("weight")]
        if len(weights) > 1:
            figure.show(chains.forest(weights, "Weights, relabelled"), key="forest_weights")
    draws.summary_table(
        computed.summarised(of, "relabelled", column), "Relabelled parameters with diagnostics"
    )


def cures(of: Answer, options: NutsOptions) -> None:
    """Explain what these draws suffer from, with its cure one click away."""
    summary = computed.overview_of(of)
    offered = [a for a in advice(summary, of.mixture, options) if a.updates or a.trap]
    offered += chain_advice(chain_rows(of.draws.stats), of.draws.stats["tree_depth"], options)
    if not offered:
        text.note(
            "Nothing stands out.",
            "R-hat, effective sample size, divergences, energy and tree depth raise no objection.",
        )
    for i, cure in enumerate(offered):
        text.note(cure.title, cure.body, trap=cure.trap)
        if cure.updates:
            updates = settings.named("posterior", cure.updates)
            controls.cure(cure.label, updates, f"cure_posterior_{i}")
