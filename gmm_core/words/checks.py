"""What labels, chains, replicated data and the exact answer say, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.data.transformed import in_table
from gmm_core.formatting import count, number, numeral, percent
from gmm_core.posterior.diagnostics import E_BFMI, ChainRow
from gmm_core.posterior.exact_check import ExactComparison
from gmm_core.posterior.invariants import Boundaries
from gmm_core.posterior.predictive import PredictiveCheck
from gmm_core.posterior.relabelling import Labels
from gmm_core.runs.options import NutsOptions
from gmm_core.words.posterior import Advice

Array = NDArray[np.float64]

_FEW_JUMPS = 50  # below, the shares of label orders are mostly chance
_CUT = 0.01  # of the draws at the largest tree depth, worth a word
_ERRORS = 4  # Monte Carlo errors that chance does not explain


def label_words(labels: Labels) -> str:
    """Say how many draws were renamed and how often the labels jumped."""
    C, S, K = labels.order.shape
    total = C * S
    if K == 1:
        return "One component has one label, so there is nothing to rename."
    renamed = (
        "No draw had to be renamed"
        if not labels.permuted
        else f"{labels.permuted:,} of {total:,} draws had to be renamed"
    )
    jumped = (
        "no chain ever jumped from one order of the labels to another"
        if not labels.jumps
        else f"the labels jumped {_times(labels.jumps)}, on average once in "
        f"{total / labels.jumps:,.0f} draws"
    )
    return f"{renamed}; {jumped}."


def occupancy_words(labels: Labels) -> str:
    """Say what the shares of the label orders mean, beside the equal shares of symmetry."""
    counts = labels.occupancy()
    K = labels.order.shape[-1]
    if counts is None:
        if K == 1:
            return ""
        return (
            f"{K} components have {K}! = {math.factorial(K):,} label orders, all equally probable: "
            f"too many to list. The draws were in {labels.seen:,} of them."
        )
    _, shares = counts
    mean = shares.mean(axis=0)
    ways = len(mean)
    sentence = (
        f"{'Both' if ways == 2 else f'All {numeral(ways)}'} label orders are equally probable, "
        f"{percent(1 / ways)} each; the draws spent {percent(float(mean.max()))} in one"
    )
    seen = int((mean > 0).sum())
    if seen < ways:
        missed = "the other" if ways == 2 else f"{ways - seen} of them"
        sentence += f" and never reached {missed}"
    if labels.jumps < _FEW_JUMPS * (ways - 1):
        return (
            f"{sentence}. With {_jumps(labels.jumps)} these shares are mostly chance, so means of "
            "raw labels are not to be read. Relabelled draws and everything that does not depend "
            "on labels are unharmed: mirror images carry the same information."
        )
    return f"{sentence}: the chains switch labels often enough to see the symmetry."


def live_jumps(jumps: int, every: int = 1) -> str:
    """Say how often labels have jumped in a run that is under way, of which one of `every` draws is
    seen.
    """
    if not jumps:
        return "No label jump so far."
    least = "at least " if every > 1 else ""
    return f"Labels have jumped {least}{_times(jumps)} so far."


def boundary_words(dataset: Dataset, draws: Boundaries) -> str:
    """Say where the boundary lies in the person's table, and in how many draws there is none."""
    if not draws.places.size:
        return "No draw has a boundary among the data: one component is the most probable all over."
    q5, middle, q95 = np.quantile(in_table(dataset, 0, draws.places), (0.05, 0.5, 0.95)).tolist()
    sentence = (
        f"Half of all boundaries lie below {number(middle)}, and 90 % between {number(q5)} and "
        f"{number(q95)}."
    )
    if draws.none:
        sentence += f" {percent(draws.none)} of the draws have none among the data."
    return sentence


def occupied_words(probs: Array) -> str:
    """Say how many components have a point."""
    K = len(probs)
    likely = int(np.argmax(probs)) + 1
    p = percent(float(probs[likely - 1]))
    if likely == K:
        who = "The component" if K == 1 else "Both components" if K == 2 else f"All {numeral(K)}"
    else:
        who = f"Only {numeral(likely)} of {numeral(K)} components"
    verb = "has" if likely == 1 else "have"
    return f"{who} {verb} a point with probability {p}."


def chain_advice(rows: Sequence[ChainRow], tree_depth: Array, options: NutsOptions) -> list[Advice]:
    """Explain what energies and tree depths say against the draws, and what to try."""
    advice = []
    low = [c + 1 for c, row in enumerate(rows) if row.e_bfmi < E_BFMI]
    if low:
        which = ", ".join(str(c) for c in low[:6])
        least = min(row.e_bfmi for row in rows)
        advice.append(
            Advice(
                "Are the tails reached?",
                f"E-BFMI is {number(least, 2)} at the least (chain {which}), and below {E_BFMI} "
                "the energy changes too little from draw to draw to reach the tails. A longer "
                "warm-up or priors that keep scales from vanishing help.",
                trap=True,
                label=f"Warm-up {min(20_000, 2 * max(options.warmup, 500)):,}",
                updates={"warmup": min(20_000, 2 * max(options.warmup, 500))},
            )
        )
    cut = float(np.mean(np.asarray(tree_depth) >= options.max_tree_depth))
    if cut > _CUT and options.max_tree_depth < 15:
        deeper = min(15, options.max_tree_depth + 2)
        advice.append(
            Advice(
                "Were paths cut short?",
                f"{percent(cut)} of the draws reached the largest tree depth of "
                f"{options.max_tree_depth} before their path turned back: they move less than "
                "they could. It costs time, not correctness.",
                label=f"Tree depth {deeper}",
                updates={"max_tree_depth": deeper},
            )
        )
    return advice


def predictive_words(check: PredictiveCheck) -> str:
    """Say whether data that the posterior would make looks like the data."""
    outside = float(np.mean((check.ecdf < check.band[0]) | (check.ecdf > check.band[-1])))
    odd = [q for q in check.quantities if q.extreme]
    if odd:
        clauses = [
            f"the {q.name} {number(q.observed)} is "
            f"{'larger' if q.tail < 0.5 else 'smaller'} than in "
            f"{percent(1 - q.tail if q.tail < 0.5 else q.tail)} of them"
            for q in odd
        ]
        return f"Replicated data differs from yours: {'; '.join(clauses)}. The model misses that."
    sentence = "Data that the posterior makes looks like yours: no test quantity stands out"
    if outside > 0.1:
        return (
            f"{sentence}, but its shape leaves the 90 % band over {percent(outside)} of the range."
        )
    return f"{sentence}."


def prior_words(dataset: Dataset, column: int, low: float, high: float) -> str:
    """Say what the priors expect beside where the data lies, along one column.

    Parameters
    ----------
    low, high : between which 90 % of what the priors expect lies, as the column was fitted.
    """
    x = dataset.seen(column)
    smallest, largest = float(x.min()), float(x.max())
    shown = [number(v) for v in in_table(dataset, column, [low, high, smallest, largest]).tolist()]
    units = "" if dataset.transforms is None else ", in the units of the table"
    sentence = (
        f"Before the data, 90 % of the values that the priors expect lie between {shown[0]} "
        f"and {shown[1]}; yours lie between {shown[2]} and {shown[3]}{units}."
    )
    width, data = high - low, largest - smallest
    if smallest < low and largest > high:
        return f"{sentence} The priors are narrower than the data: they will pull the fit inwards."
    if smallest > high or largest < low:
        return f"{sentence} The priors do not expect data there: take those from the data."
    if data > 0 and width > 100 * data:
        return (
            f"{sentence} They are {number(width / data, 2)} times as wide as the data: very vague."
        )
    return sentence


def exact_words(comparison: ExactComparison, K: int) -> str:
    """Say how the draws compare with the exact answer, and what the evidence prefers."""
    rows = [*comparison.partitions, *comparison.numbers]
    errors = [row.errors for row in rows if row.errors is not None]
    first = comparison.partitions[0]
    gap = f"{abs(first.drawn - first.exact):.4f}"
    sentences = (
        f"All {len(comparison.exact.labels):,} partitions were summed. The most probable one has "
        f"{percent(first.exact)}, and the draws are {gap} off."
    )
    if errors:
        largest = max(errors)
        if largest > _ERRORS:
            sentences += (
                f" One of these numbers is {number(largest, 2)} Monte Carlo errors off, more than "
                "chance explains: the chains have not seen everything."
            )
        else:
            sentences += (
                f" No number below is more than {number(largest, 2)} Monte Carlo errors off, as "
                "chance allows."
            )
    if len(comparison.evidence) > 1:
        best, top = max(comparison.evidence, key=lambda pair: pair[1])
        own = dict(comparison.evidence).get(K)
        if own is not None and best != K:
            sentences += (
                f" The data is {number(math.exp(min(top - own, 600)), 2)} times as probable under "
                f"K = {best} as under K = {K}."
            )
        elif own is not None:
            sentences += f" Of K = 1 to {comparison.evidence[-1][0]} the evidence is highest here."
    return sentences


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n:,} times")


def _jumps(n: int) -> str:
    return "no jump at all" if not n else f"only {count(n, 'jump')}"
