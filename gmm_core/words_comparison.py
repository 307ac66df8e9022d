"""Which K and covariance, in plain words computed from a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from gmm_core.comparison import Cell, ComparisonRow, Criterion, best, distinct, ranked
from gmm_core.em import Difference, largest_gap
from gmm_core.figures.style import MINUS, number
from gmm_core.mixture import Mixture, Parameters
from gmm_core.results import EmFit
from gmm_core.words import Segment, count, numeral

CRITERION = {"bic": "BIC", "aic": "AIC", "icl": "ICL", "log_likelihood": "log likelihood"}
_FORM = {"spherical": "spherical", "diag": "diagonal", "full": "full"}

TABLE_HEAD = ("Mixture", "", "behind", "log likelihood", "p", "starts agree", "smallest component")


def form(covariance: str, tied: bool, n_columns: int = 2) -> str:
    """Name a covariance: ("full", True) -> "tied full"; with one column only "tied" or "untied"."""
    if n_columns == 1:
        return "tied" if tied else "untied"
    return f"{'tied ' if tied else ''}{_FORM[covariance]}"


def cell_name(cell: Cell, n_columns: int = 2) -> str:
    """Name a cell in a table or a menu: "K = 3, tied full"."""
    K, covariance, tied = cell
    if K == 1 and n_columns == 1:
        return "K = 1"
    return f"K = {K}, {form(covariance, tied and K > 1, n_columns)}"


def components(cell: Cell, n_columns: int = 2) -> str:
    """Say what a cell is made of: "three tied full components"."""
    K, covariance, tied = cell
    if K == 1:
        kind = "" if n_columns == 1 else f"{form(covariance, False)} "
    else:
        kind = f"{form(covariance, tied, n_columns)} "
    return f"{numeral(K)} {kind}component{'' if K == 1 else 's'}"


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
    criterion: Criterion = "bic",
    expected: int | None = None,
) -> list[Segment]:
    """Say which cell is the best, by how much, and how sure that is.

    Parameters
    ----------
    rows : those of the cells that are finished.
    expected : how many cells the sweep has; more than there are rows means that it goes on.
    """
    said = []
    if expected is not None and len(rows) < expected:
        said.append(f"So far, with {len(rows)} of {expected} mixtures fitted: ")
    different = distinct(rows, n_columns)
    order = ranked(different, criterion)
    if not order:
        if not rows:
            return [Segment("Looking for the mixture that suits these points …")]
        return [Segment("".join(said) + "No mixture has an optimum here. " + _without(different))]
    first = different[order[0]]
    what = components(first.cell, n_columns)
    if not said:
        what = what[0].upper() + what[1:]
    verb = "fits" if first.n_components == 1 else "fit"
    name, value = CRITERION[criterion], getattr(first, criterion)
    said.append(f"{what} {verb} these {count(n_points, 'point')} best: {name} {_value(value)}")
    if len(order) > 1:
        second = different[order[1]]
        gap = abs(getattr(second, criterion) - value)
        said.append(f", {number(gap, 2)} ahead of {components(second.cell, n_columns)}")
        if criterion == "bic":
            said.append(f" ({evidence(gap)})")
    said.append(". ")
    if first.restarts > 1:
        said.append(f"{first.agree} of {count(first.restarts, 'start')} agree. ")
    if few(first, n_columns):
        said.append(
            f"But its smallest component rests on {number(first.smallest, 2)} points, too few to "
            "trust its spread. "
        )
    if criterion == "log_likelihood":
        said.append("More parameters always fit better, so this criterion does not choose K. ")
    return [Segment("".join(said) + _without(different))]


def few(row: ComparisonRow, n_columns: int) -> bool:
    """Whether a component with a covariance of its own rests on a handful of points.

    D + 1 points are the fewest that span a covariance in D columns; with fewer than twice as
    many, an optimum may owe its height to points that happen to lie close to a line (spurious
    local maximisers: McLachlan and Peel 2000, sec. 3.10).
    """
    return not row.tied and row.n_components > 1 and row.smallest < 2 * (n_columns + 1)


def _without(rows: Sequence[ComparisonRow]) -> str:
    lost = [row for row in rows if not row.sound]
    if not lost:
        return ""
    has = "has" if len(lost) == 1 else "have"
    return f"{len(lost)} of {count(len(rows), 'mixture')} {has} no optimum: the red crosses."


def _value(value: float) -> str:
    """Format a criterion: tenths matter, whatever its size."""
    return f"{value:,.1f}".replace("-", MINUS)


def table_rows(
    rows: Sequence[ComparisonRow], criterion: Criterion, n_columns: int, limit: int = 8
) -> list[tuple[str, ...]]:
    """Write the best mixtures as rows of `TABLE_HEAD`, the criterion as second column."""
    different = distinct(rows, n_columns)
    order = ranked(different, criterion)[:limit]
    found: list[tuple[str, ...]] = []
    for i in order:
        row = different[i]
        behind = abs(getattr(row, criterion) - getattr(different[order[0]], criterion))
        found.append(
            (
                cell_name(row.cell, n_columns),
                _value(getattr(row, criterion)),
                f"{behind:,.1f}" if i != order[0] else "best",
                _value(row.log_likelihood),
                str(row.n_parameters),
                f"{row.agree} of {row.restarts}",
                f"{number(row.smallest, 2)} points" + (" (few)" if few(row, n_columns) else ""),
            )
        )
    return found


def lost_rows(rows: Sequence[ComparisonRow], n_columns: int) -> list[tuple[str, str, str]]:
    """Write the mixtures without an optimum as rows (mixture, verdict, reason)."""
    return [
        (cell_name(row.cell, n_columns), row.verdict, row.reason)
        for row in distinct(rows, n_columns)
        if not row.sound
    ]


def sweep_label(options: dict[str, object]) -> str:
    """Name a sweep from its options as the store has them: "K = 1 to 6, 6 covariances"."""
    ks, pairs = options.get("n_components"), options.get("covariances")
    if not (isinstance(ks, list) and ks and isinstance(pairs, list)):
        return "a sweep of another version"
    span = f"K = {ks[0]}" if len(ks) == 1 else f"K = {ks[0]} to {ks[-1]}"
    return f"{span}, {count(len(pairs), 'covariance')}"


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
            f"at most {number(apart, 2)} of a scale."
        )
    if not flat and gap >= 0 and apart < 0.5:
        return (
            f"{end} and ended {number(gap, 2)} higher on the likelihood, which is all it climbs; "
            f"the priors hold ours back by up to {number(apart, 2)} of a scale."
        )
    return (
        f"{end} and ended in another optimum of the likelihood, {_signed(gap)} from ours. "
        "From one start different climbers may reach different tops: more starts tell which is "
        "the best."
    )


def _signed(gap: float) -> str:
    return f"{number(abs(gap), 3)} {'above' if gap >= 0 else 'below'}"


def difference_rows(found: Sequence[Difference]) -> list[tuple[object, ...]]:
    """Write differences as rows (component, number, ours, theirs, difference)."""
    return [
        (
            Segment(f"{d.component + 1}", d.component),
            d.name,
            number(d.ours, 5),
            number(d.theirs, 5),
            number(d.gap, 2),
        )
        for d in found
    ]


def winner(rows: Sequence[ComparisonRow], criterion: Criterion) -> Cell | None:
    """Return the best cell, or None."""
    i = best(rows, criterion)
    return None if i is None else rows[i].cell
