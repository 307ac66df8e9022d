"""What to say of leave-one-out predictions, and of how much the answer owes to the priors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gmm_core.formatting import MINUS, count, number
from gmm_core.posterior.loo import TRUSTED_K, Loo
from gmm_core.posterior.pit import Pit
from gmm_core.posterior.sensitivity import Powered
from gmm_core.posterior.ties import TiedMode

_LITTLE, _MUCH = 0.05, 0.2  # of a probability


def loo_words(loo: Loo) -> str:
    """Say how well left-out points are foretold, and for which that cannot be trusted."""
    elpd = f"{loo.elpd:,.2f}".replace("-", MINUS)
    sentence = (
        f"Each point foretold from all others: log predictive density {elpd} "
        f"± {number(loo.standard_error, 2)} in all. Larger is better, between mixtures of the "
        "same data. "
    )
    doubtful = loo.doubtful
    if not doubtful.size:
        return (
            f"{sentence}Pareto's k is below {TRUSTED_K} for every point, so the draws do for that."
        )
    rows = ", ".join(str(row + 1) for row in doubtful[:5])
    more = " and others" if len(doubtful) > 5 else ""
    verb = "has" if len(doubtful) == 1 else "have"
    return (
        f"{sentence}{count(len(doubtful), 'point')} (row {rows}{more}) {verb} a Pareto k above "
        f"{TRUSTED_K}: the posterior without that point is so different that these draws cannot "
        "tell it."
    )


def pit_words(transform: Pit) -> str:
    """Say whether the points lie where the others foretell them, as often as they should."""
    gap, limit = number(transform.gap, 2), number(transform.limit, 2)
    how = (
        f"Their places are at most {gap} from uniform ones, and 95 % of uniform samples stay below "
        f"{limit}."
    )
    if transform.gap <= transform.limit:
        return f"Yes, as far as {count(len(transform.values), 'point')} can tell. {how}"
    return f"No: the mixture has another shape than the data along this column. {how}"


def tied_words(mode: TiedMode) -> str:
    """Say that a mode on equal values holds the posterior, and what it is."""
    return (
        f"{mode.copies} values of {mode.column} are equal, {mode.value:.4g}, and these "
        "priors let a component shrink onto them: that mode is heavier than where these draws are "
        f"by about {mode.gain:.0f} nats, and no sampler walks into it. It says that values "
        "were rounded, not that there is a group. Conjugate priors have no such "
        "mode."
    )


def sensitivity_words(rows: Sequence[Powered]) -> str:
    """Say how far what is said of the points would move under weaker and stronger priors."""
    now, others = rows[0], rows[1:]
    if any(row.pareto_k > TRUSTED_K for row in others):
        return (
            "Very much: under priors that say a little less or more the posterior is so different "
            "that these draws cannot tell it. Change the priors and draw again to see."
        )
    moved = [float(np.abs(row.together - now.together).max()) for row in others]
    most = max(moved)
    scales = ", ".join(f"{number(row.scale)} to the power {row.power:g}" for row in others)
    how = (
        "Hardly"
        if most < _LITTLE
        else "Somewhat"
        if most < _MUCH
        else "Much: the data alone does not settle it"
    )
    return (
        f"{how}. With every prior to the power {' or '.join(f'{r.power:g}' for r in others)}, the "
        f"probability that two points share a component moves by at most {most:.2f}; the mean "
        f"scale is {number(now.scale)} now, {scales}."
    )
