"""Which K and covariance, in plain words computed from a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from gmm_core.comparison.odds import probability_of_k
from gmm_core.comparison.sweep import Cell, ComparisonRow, best, distinct, ranked
from gmm_core.formatting import MINUS, count, number, numeral, percent
from gmm_core.mixture import Mixture, Parameters
from gmm_core.mixture.covariance import FAMILIES, by_code
from gmm_core.mixture.matching import Difference, largest_gap
from gmm_core.runs.results import EmFit
from gmm_core.words import search
from gmm_core.words.segments import Segment

CRITERION = {
    "bic": "BIC",
    "aic": "AIC",
    "aicc": "AICc",
    "sabic": "SABIC",
    "caic": "CAIC",
    "icl": "ICL",
    "icl_most_probable": "ICL (most probable)",
    "log_likelihood": "log likelihood",
    "log_evidence": "log evidence",
}
"""What each criterion is called; its formula is in `comparison.criteria`."""

_CLOSE = 10.0
"""A difference of BIC that is very strong evidence (Kass and Raftery 1995)."""

TABLE_HEAD = (
    "Mixture",
    "",
    "behind",
    "log likelihood",
    "p",
    "starts agree",
    "smallest component",
    "relative entropy",
    "least class probability",
)


def form(covariance: str, tied: bool | None, n_columns: int = 2) -> str:
    """Name a covariance: ("full", True) -> "full, shared"; with one column "shared" or "own"."""
    family = FAMILIES[covariance, tied]
    if n_columns == 1:
        return "own" if family.own(1) else "shared"
    return family.label


def _alone(cell: Cell, n_columns: int) -> str:
    """Name the covariance of a single component, which shares it with none: "full"."""
    return by_code(cell.family.reduced(1, n_columns).replace("E", "V")).label.removesuffix(", own")


def cell_name(cell: Cell, n_columns: int = 2) -> str:
    """Name a cell in a table or a menu: "K = 3, full, shared"."""
    K, covariance, tied = cell
    if K == 1:
        return "K = 1" if n_columns == 1 else f"K = 1, {_alone(cell, n_columns)}"
    return f"K = {K}, {form(covariance, tied, n_columns)}"


def components(cell: Cell, n_columns: int = 2) -> str:
    """Say what a cell is made of: "three components with a shared full covariance"."""
    K, covariance, tied = cell
    if K == 1:
        kind = "" if n_columns == 1 else f"{_alone(cell, n_columns)} "
        return f"one {kind}component"
    if n_columns == 1:
        own = FAMILIES[covariance, tied].own(1)
        return f"{numeral(K)} components with {'scales of their own' if own else 'a shared scale'}"
    if tied is None:
        return f"{numeral(K)} {covariance} components"
    return f"{numeral(K)} components with {covariances(covariance, tied)}"


def covariances(covariance: str, tied: bool | None) -> str:
    """Say which covariances components have: "a shared full covariance"."""
    kind, _ = form(covariance, tied).split(", ")
    return f"a shared {kind} covariance" if tied else f"{kind} covariances of their own"


def evidence(difference: float) -> str:
    """Say what a difference of BIC is worth.

    Notes
    -----
    The difference estimates twice the log of a Bayes factor; the scale is that of Kass and
    Raftery (1995), Bayes factors, p. 777.
    """
    if difference < 2:
        return "hardly worth a mention"
    if difference < 6:
        return "positive evidence"
    if difference < 10:
        return "strong evidence"
    return "very strong evidence"


def comparison_answer(
    n_points: int,
    n_columns: int,
    rows: Sequence[ComparisonRow],
    criterion: str = "bic",
    expected: int | None = None,
) -> list[Segment]:
    """Say which cell is the best, by how much, and how sure that is.

    Parameters
    ----------
    rows : those of the cells that are finished.
    expected : how many cells the sweep has; more than there are rows means that it goes on.
    """
    sentences = []
    if expected is not None and len(rows) < expected:
        sentences.append(f"So far, with {len(rows)} of {expected} mixtures fitted: ")
    different = distinct(rows, n_columns)
    order = ranked(different, criterion)
    if not order:
        if not rows:
            return [Segment("Looking for the mixture that suits these points …")]
        why = (
            f"{CRITERION[criterion]} is not known for any of these mixtures. "
            if any(row.sound for row in different)
            else "No mixture has an optimum here. "
        )
        return [Segment("".join(sentences) + why + _without(different))]
    first = different[order[0]]
    what = components(first.cell, n_columns)
    if not sentences:
        what = what[0].upper() + what[1:]
    verb = "fits" if first.n_components == 1 else "fit"
    name, value = CRITERION[criterion], getattr(first, criterion)
    sentences.append(f"{what} {verb} these {count(n_points, 'point')} best: {name} {_value(value)}")
    if len(order) > 1:
        second = different[order[1]]
        gap = abs(getattr(second, criterion) - value)
        sentences.append(f", {number(gap, 2)} ahead of {components(second.cell, n_columns)}")
        if criterion == "bic":
            sentences.append(f" ({evidence(gap)})")
    sentences.append(". ")
    if criterion == "log_evidence":
        # It averages over the posterior: how its optimum was found says nothing of it.
        sentences.append(odds_words(probability_of_k(different, n_columns)))
        return [Segment("".join(sentences))]
    sentences += [search.of_row(first), search.passed_over(first)]
    if first.found_by and not first.fewest and first.n_components > 1:
        sentences.append(
            "There are too few points to ask that each component holds enough of them: it may be "
            "an accident. "
        )
    elif few(first, n_columns):
        sentences.append(
            f"But its smallest component rests on {number(first.smallest, 2)} points, too few to "
            "trust its spread. "
        )
    if not sentences[0].startswith("So far"):
        sentences.append(further_words([different[i] for i in order[:2]], different, criterion))
    if criterion == "log_likelihood":
        sentences.append("More parameters always fit better, so this criterion does not choose K. ")
    return [Segment("".join(sentences) + _without(different))]


def further_words(
    leading: Sequence[ComparisonRow], rows: Sequence[ComparisonRow], criterion: str
) -> str:
    """Say what to try where the best, or one close behind it, has the most components tried.

    Parameters
    ----------
    leading : the best mixture, and the second where there is one.
    rows : all that were tried.
    """
    most = max(row.n_components for row in rows)
    if criterion == "log_likelihood" or most == min(row.n_components for row in rows):
        return ""
    first, *others = leading
    if first.n_components == most:
        return f"K = {most} is the most that was tried: try more. "
    sentences = ""
    for row in others:
        if abs(getattr(row, criterion) - getattr(first, criterion)) > _CLOSE:
            continue
        if row.n_components == most:
            sentences += f"Close behind it stands the largest K that was tried, {most}: try more. "
        if row.agree == 1 and row.restarts > 1:
            sentences += (
                f"Only one of {row.restarts} starts found the second: more may change their order. "
            )
    return sentences


def odds_words(odds: dict[int, float]) -> str:
    """Say how probable each number of components is, likeliest first; "" where it is unknown."""
    if len(odds) < 2:
        return ""
    order = sorted(odds, key=lambda k: -odds[k])[:4]
    listed = ", ".join(f"K = {k} {percent(odds[k])}" for k in order)
    rest = " and so on" if len(odds) > len(order) else ""
    return f"Given the data, with equal odds before it: {listed}{rest}. "


def few(row: ComparisonRow, n_columns: int) -> bool:
    """Whether a component rests on a handful of points; of a search, on fewer than may win.

    D + 1 points are the fewest that span a covariance in D columns; with fewer than twice as
    many, an optimum may owe its height to points that happen to lie close to a line (spurious
    local maximisers: McLachlan and Peel 2000, sec. 3.10).
    """
    if row.fewest:
        return not row.may_win
    own = row.cell.family.own(n_columns)
    return own and row.n_components > 1 and row.smallest < 2 * (n_columns + 1)


def _without(rows: Sequence[ComparisonRow]) -> str:
    unsound = [row for row in rows if not row.sound]
    if not unsound:
        return ""
    collapsed = all(row.verdict == "collapsed" for row in unsound)
    what = "every start collapsed" if collapsed else "no start converged"
    return f"For {len(unsound)} of {count(len(rows), 'mixture')} {what} (red crosses)."


def _value(value: float) -> str:
    """Format a criterion: tenths matter, whatever its size."""
    return f"{value:,.1f}".replace("-", MINUS)


def table_rows(
    rows: Sequence[ComparisonRow], criterion: str, n_columns: int, limit: int = 8
) -> list[tuple[str, ...]]:
    """Write the best mixtures as rows of `TABLE_HEAD`, the criterion as second column."""
    different = distinct(rows, n_columns)
    order = ranked(different, criterion)[:limit]
    lines: list[tuple[str, ...]] = []
    for i in order:
        row = different[i]
        behind = abs(getattr(row, criterion) - getattr(different[order[0]], criterion))
        lines.append(
            (
                cell_name(row.cell, n_columns),
                _value(getattr(row, criterion)),
                f"{behind:,.1f}" if i != order[0] else "best",
                _value(row.log_likelihood),
                str(row.n_parameters),
                f"{row.agree} of {row.restarts}",
                f"{number(row.smallest, 2)} points" + (" (few)" if few(row, n_columns) else ""),
                _share(row.entropy),
                # Classes without a point have no average.
                _share(min((p for p in row.class_probability if p == p), default=nan)),
            )
        )
    return lines


def _share(value: float) -> str:
    return f"{value:.3f}" if value == value else "–"


def lost_rows(rows: Sequence[ComparisonRow], n_columns: int) -> list[tuple[str, str, str]]:
    """Write the mixtures without an optimum as rows (mixture, verdict, reason)."""
    return [
        (cell_name(row.cell, n_columns), row.verdict, row.reason)
        for row in distinct(rows, n_columns)
        if not row.sound
    ]


def em_answer(
    mixture: Mixture,
    ours: Parameters,
    our_log_likelihood: float,
    theirs: EmFit,
    collapsed: bool = False,
) -> str:
    """Say whether scikit-learn's EM, from the same start, found the same optimum.

    `collapsed` is whether ours did, and so has no optimum to compare with.
    """
    end = f"EM made {count(theirs.iterations, 'iteration')}"
    if theirs.verdict == "collapsed":
        return (
            f"{end} and collapsed: from this start the likelihood rises without end towards a "
            "singular covariance."
        )
    if collapsed:
        reached = number(float(theirs.log_likelihood[-1]), 5)
        return (
            f"{end} and ended at a log likelihood of {reached}, "
            "where ours collapsed: EM climbs the likelihood alone, and has no prior to run away "
            "with."
        )
    gap = float(theirs.log_likelihood[-1]) - our_log_likelihood
    apart = largest_gap(ours, theirs.parameters)
    if theirs.verdict == "moving":
        return f"{end} and was still climbing; its log likelihood is {_signed(gap)} from ours."
    flat = mixture.priors == mixture.priors.flat()
    if abs(gap) < 1e-4 * max(1.0, abs(our_log_likelihood)) and apart < 0.02:
        same = "and ended in the same optimum" if flat else "and ended at nearly the same point"
        return (
            f"{end} {same}: the log likelihoods differ by {number(abs(gap), 2)}, the parameters by "
            f"at most {number(apart, 2)} scales."
        )
    if not flat and gap >= 0 and apart < 0.5:
        return (
            f"EM ({count(theirs.iterations, 'iteration')}) reached a log likelihood "
            f"{number(gap, 2)} higher, because it ignores the priors; they move our parameters by "
            f"at most {number(apart, 2)} scales."
        )
    return (
        f"{end} and ended in another optimum of the likelihood, {_signed(gap)} from ours. "
        "From one start, different methods may end in different optima: more starts tell which is "
        "the best."
    )


def _signed(gap: float) -> str:
    return f"{number(abs(gap), 3)} {'above' if gap >= 0 else 'below'}"


def difference_rows(differences: Sequence[Difference]) -> list[tuple[object, ...]]:
    """Write differences as rows (component, number, ours, theirs, difference)."""
    return [
        (
            Segment(f"{d.component + 1}", d.component),
            d.name,
            number(d.ours, 5),
            number(d.theirs, 5),
            number(d.gap, 2),
        )
        for d in differences
    ]


def winner(rows: Sequence[ComparisonRow], criterion: str) -> Cell | None:
    """Return the best cell, or None."""
    i = best(rows, criterion)
    return None if i is None else rows[i].cell
