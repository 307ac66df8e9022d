"""What refits to resampled data say: of the parameters, and of one component more."""

from __future__ import annotations

from gmm_core.comparison.likelihood_ratio import LikelihoodRatio
from gmm_core.data.dataset import Dataset
from gmm_core.formatting import count, number, numeral
from gmm_core.posterior.bootstrap import Bootstrap

BOOTSTRAP_HEAD = ("Parameter", "estimate", "standard error", "2.5 %", "97.5 %")

_RESTLESS = 0.05  # of the replicates in another basin: intervals then mix two answers
_REJECTED = 0.05


def bootstrap_words(result: Bootstrap) -> str:
    """Say how many replicates found the same optimum, and what the table is of."""
    B = len(result.failed)
    changed, failed = int(result.changed_basin.sum()), int(result.failed.sum())
    sentences = f"{B:,} replicates of the data, each fitted anew. "
    if failed:
        verb = "is" if failed == 1 else "are"
        sentences += f"{count(failed, 'replicate')} had no sound optimum and {verb} left out. "
    if not changed:
        return f"{sentences}All others ended in this fit's own basin."
    sentences += f"{changed:,} ended in another basin than this fit's"
    if changed > _RESTLESS * B:
        return (
            f"{sentences}: what the components are is itself in doubt, and the intervals below mix "
            "several answers."
        )
    return f"{sentences}."


def bootstrap_rows(result: Bootstrap, dataset: Dataset) -> list[tuple[str, ...]]:
    """Write each parameter as a row of `BOOTSTRAP_HEAD`, in the units of the table."""
    return [
        (
            row.name,
            number(row.estimate, 4),
            number(row.standard_error, 2),
            number(row.q2_5, 4),
            number(row.q97_5, 4),
        )
        for row in result.summary(dataset)
    ]


def rejects(test: LikelihoodRatio) -> bool:
    """Whether the smaller number of components is rejected."""
    return test.p_value <= _REJECTED


def ratio_words(test: LikelihoodRatio, K: int) -> str:
    """Say whether one component more is called for."""
    B, p = len(test.replicates), test.p_value
    if p != p:
        return (
            "No replicate has a statistic: one of the two mixtures has no sound optimum in any of "
            "them."
        )
    pair = f"{numeral(K)} component{'' if K == 1 else 's'} against {numeral(K + 1)}"
    verdict = (
        f"{numeral(K).capitalize()} would make such a difference rarely: "
        f"{numeral(K + 1)} are called for."
        if rejects(test)
        else f"{numeral(K).capitalize()} would do: the difference is no rarer than chance makes it."
    )
    return (
        f"Likelihood ratio of {pair}: {number(test.statistic, 4)}, p = {number(p, 2)} by {B:,} "
        f"data sets that {numeral(K)} made. {verdict}"
    )
