"""Checks: the exact answer beside the draws, replicated data, and what the priors expect."""

from __future__ import annotations

import streamlit as st

from gmm_core.data.dataset import Dataset
from gmm_core.figures import exact as exact_figures
from gmm_core.figures import predictive as figures
from gmm_core.formatting import number, percent
from gmm_core.mixture import Mixture
from gmm_core.posterior import exact_check
from gmm_core.words.checks import exact_words, predictive_words, prior_words
from gmm_core.words.robustness import loo_words, pit_words
from pages.parts import text
from pages.parts.posterior import computed, sections
from pages.parts.posterior.computed import Answer
from pages.parts.stream import figure


def checks(of: Answer, column: int) -> None:
    """Draw all checks of a finished posterior."""
    exact(of)
    st.markdown("#### Posterior predictive check")
    check = computed.check(of, column)
    st.markdown(text.plain(predictive_words(check)))
    if of.mixture.noise:
        st.caption("Points of the noise are drawn evenly over the range of the data.")
    left, right = st.columns(2, gap="large")
    with left:
        shown = figures.replicated_densities(of.data, check, column)
        figure.show(shown, key="replicated_densities")
    with right:
        figure.show(figures.ecdf_band(of.data, check, column), key="ecdf_band")
    text.table(
        ["Test quantity", "your data", "5 %", "median", "95 %", "replicates as large"],
        [
            [
                q.name,
                number(q.observed),
                number(q.q5),
                number(q.median),
                number(q.q95),
                percent(q.tail) + (" ✕" if q.extreme else ""),
            ]
            for q in check.quantities
        ],
        caption=f"Test quantities in {check.n_replicates:,} replicated data sets of "
        f"{check.n_points:,} points",
    )
    left_out(of, column)
    priors(of.data, of.mixture, column)
    st.markdown("#### How much is owed to the priors?")
    st.markdown(text.plain(computed.owed_to_priors(of)))


def left_out(of: Answer, column: int) -> None:
    """Say how well each point is foretold from the others, and draw where it lies among that."""
    st.markdown("#### Is each point foretold by the others?")
    if len(of.data.values) > computed.MOST_LEFT_OUT:
        st.caption(f"Left out one at a time are up to {computed.MOST_LEFT_OUT:,} points.")
        return
    loo = computed.left_out(of)
    st.markdown(text.plain(loo_words(loo)))
    if of.mixture.noise:
        return
    places = computed.places(of, column)
    left, right = st.columns([3, 2], gap="large")
    with left:
        figure.show(figures.pit_figure(places), key="pit")
    with right:
        text.note("Do points lie where the others foretell them?", pit_words(places))


def exact(of: Answer) -> None:
    """Draw the exact answer beside the sampler, for small data."""
    same = exact_check.summable(of.data, of.mixture)
    st.markdown("#### Exact answer beside the sampler")
    if same is None:
        st.caption(
            "For a few points in one column with a shared scale the posterior can be summed "
            "exactly, over every way to share the points out. This data or mixture is beyond that."
        )
        return
    comparison = computed.exact_comparison(of, same)
    st.markdown(text.plain(exact_words(comparison, of.mixture.n_components)))
    left, right = st.columns(2, gap="large")
    with left:
        text.table(
            ["Partition of the points", "exact", "draws", "± MCSE"],
            [
                [
                    row.name,
                    f"{row.exact:.4f}",
                    f"{row.drawn:.4f}",
                    "–" if row.mcse is None else number(row.mcse, 2),
                ]
                for row in comparison.partitions
            ],
            caption=f"The {len(comparison.partitions)} most probable of "
            f"{len(comparison.exact.labels):,} partitions",
        )
        text.table(
            ["Posterior mean", "exact", "draws", "± MCSE"],
            [
                [
                    row.name.removeprefix("mean "),
                    number(row.exact, 5),
                    number(row.drawn, 5),
                    "–" if row.mcse is None else number(row.mcse, 2),
                ]
                for row in comparison.numbers
            ],
            caption=f"Means of {of.data.columns[0]}",
        )
    with right:
        if len(comparison.evidence) > 1:
            shown = exact_figures.evidence(comparison.evidence, of.mixture.n_components)
            figure.show(shown, key="evidence")
        rows = list(range(len(of.data.values)))
        names, axis = sections.point_names(of.data, rows)
        difference = exact_figures.together_difference(
            comparison.together, comparison.exact.coclustering, names, axis
        )
        figure.show(difference, key="together_difference")


def priors(data: Dataset, mixture: Mixture, column: int) -> None:
    """Draw what the priors expect over the data."""
    if not mixture.priors.proper:
        return
    st.markdown("#### What did the priors expect?")
    draws, central = computed.from_priors(data, mixture)
    left, right = st.columns([3, 2], gap="large")
    with left:
        figure.show(figures.prior_draws(data, draws, column), key="prior_draws")
    with right:
        low, high = (float(v) for v in central[:, column])
        words = prior_words(data, column, low, high)
        text.note("Prior predictive check.", words)
