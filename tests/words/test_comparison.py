"""What the Compare page says is computed from the rows."""

import pytest

import gmm_core as gmm
from gmm_core.comparison import against_em
from gmm_core.comparison.sweep import Cell
from gmm_core.inference import sweep
from gmm_core.words import comparison as say

FAITHFUL, TUTORIAL = gmm.example("faithful"), gmm.example("tutorial")


def text_of(segments):
    return "".join(s.text for s in segments)


@pytest.fixture(scope="module")
def rows():
    return gmm.compare(FAITHFUL, (1, 2, 3), "full")


def test_the_best_is_named_with_its_lead(rows):
    words = text_of(say.comparison_answer(272, 2, rows))
    assert words.startswith(
        "Three components with a shared full covariance fit these 272 points best: BIC 2,314.3, 7.9"
    )
    two = "two components with full covariances of their own"
    assert f"ahead of {two} (strong evidence)" in words
    assert words.endswith("K = 3 is the most that was tried: try more. ")
    assert f"{rows[4].agree} of {rows[4].restarts} starts agree, of " in words
    assert " kinds; " in words
    assert "found it first" in words
    assert "no optimum" not in words


def test_the_criterion_changes_the_answer(rows):
    words = text_of(say.comparison_answer(272, 2, rows, "log_likelihood"))
    three = "Three components with full covariances of their own"
    assert words.startswith(f"{three} fit these 272 points best: log likelihood −1,114")
    assert "does not choose K" in words
    assert "evidence" not in words
    icl = text_of(say.comparison_answer(272, 2, rows, "icl"))
    two = "Two components with full covariances of their own"
    assert icl.startswith(f"{two} fit these 272 points best: ICL 2,323.6")
    assert "try more" not in icl


def test_a_sweep_under_way_says_so(rows):
    words = text_of(say.comparison_answer(272, 2, rows[:2], expected=6))
    assert words.startswith("So far, with 2 of 6 mixtures fitted: one full component fits these")
    assert "Looking for" in text_of(say.comparison_answer(272, 2, [], expected=6))


def test_lost_mixtures_and_small_components_are_told():
    rows = gmm.compare(TUTORIAL, (2, 6), "full", restarts=3)
    words = text_of(say.comparison_answer(5, 1, rows))
    assert "For 2 of 4 mixtures no start converged (red crosses)." in words
    arguments = gmm.example("galaxies"), 3, [("diag", False)]
    words = text_of(say.comparison_answer(82, 1, gmm.compare(*arguments)))
    assert "Another optimum is higher (log likelihood −203.179), but one component holds" in words
    words = text_of(say.comparison_answer(82, 1, gmm.compare(*arguments, start="kmeans++")))
    assert "rests on 3.0 points, too few to trust its spread" in words
    rejected = say.lost_rows(rows, 1)
    assert [r[:2] for r in rejected] == [("K = 6, shared", "failed"), ("K = 6, own", "failed")]
    none = [r for r in rows if not r.sound]
    assert "No mixture has an optimum" in text_of(say.comparison_answer(5, 1, none))


@pytest.mark.parametrize(
    ("difference", "words"),
    [(1.9, "hardly"), (2.1, "positive"), (5.9, "positive"), (6.1, "strong e"), (10.1, "very st")],
)
def test_evidence_follows_kass_and_raftery(difference, words):
    assert say.evidence(difference).startswith(words)


@pytest.mark.parametrize(
    ("cell", "D", "name", "long"),
    [
        (Cell(1, "full", True), 2, "K = 1, full", "one full component"),
        (
            Cell(3, "diag", True),
            2,
            "K = 3, diagonal, shared",
            "three components with a shared diagonal covariance",
        ),
        (Cell(2, "full", False), 1, "K = 2, own", "two components with scales of their own"),
        (Cell(1, "spherical", False), 1, "K = 1", "one component"),
    ],
)
def test_cells_are_named(cell, D, name, long):
    assert (say.cell_name(cell, D), say.components(cell, D)) == (name, long)


def test_the_table_has_the_best_first(rows):
    table = say.table_rows(rows, "bic", 2, limit=2)
    assert [row[:3] for row in table] == [
        ("K = 3, full, shared", "2,314.3", "best"),
        ("K = 2, full, own", "2,322.2", "7.9"),
    ]
    assert len(table[0]) == len(say.TABLE_HEAD)


def test_sweeps_are_named_from_the_store():
    options = gmm.CompareOptions(n_components=(2, 3), covariances="full").model_dump(mode="json")
    assert sweep.KIND.mixtures(options) == "K = 2 to 3, 2 covariances"
    assert sweep.KIND.mixtures({}) == "a sweep of another version"


def test_em_says_same_optimum_other_optimum_and_the_pull_of_the_priors():
    def compared(mixture, **options):
        fit = gmm.fit_map(
            FAITHFUL, mixture, gmm.MapOptions(restarts=3, choose="final", polish=True)
        )
        spec = against_em.specification(FAITHFUL, mixture, fit)
        em = gmm.fit_em(FAITHFUL, spec.mixture, spec.parameters, gmm.EmOptions(**options))
        L = gmm.log_density(fit.parameters, FAITHFUL.values).sum()
        return say.em_answer(mixture, fit.parameters, float(L), em), fit, em

    flat = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.flat())
    words, fit, em = compared(flat)
    assert "ended in the same optimum" in words
    assert "still climbing" in compared(flat, iterations=2)[0]
    pulled = gmm.Priors.for_data(FAITHFUL).model_copy(update={"concentration": 40.0})
    words = compared(flat.model_copy(update={"priors": pulled}))[0]
    assert "because it ignores the priors; they move our parameters by at most" in words
    far = gmm.Parameters([0.5, 0.5], [[0.0, 0.0], [9.0, 9.0]], fit.parameters.scale_tril)
    assert "another optimum" in say.em_answer(flat, far, -1500.0, em)


def test_em_where_ours_collapsed_is_told_alone():
    data = gmm.example("tutorial")
    flat = gmm.Mixture(priors=gmm.Priors.flat())
    point = gmm.Parameters([0.5, 0.5], [[0.0], [11.0]], [[[1.0]], [[1.0]]])
    em = gmm.fit_em(data, flat, point)
    words = say.em_answer(gmm.Mixture(), point, -20.0, em, collapsed=True)
    assert words.endswith("where ours collapsed: EM climbs the likelihood alone, and has no prior "
                          "to run away with.")  # fmt: skip


def test_a_runner_up_at_the_edge_or_of_one_start_asks_for_more(rows):
    best, second = (row for row in rows if row.cell in {(2, "full", False), (1, "full", False)})
    best = best._replace(n_components=1)
    near = second._replace(bic=best.bic + 3.0, n_components=2, agree=1)
    said_of = say.further_words([best, near], [best, near], "bic")
    assert said_of == (
        "Close behind it stands the largest K that was tried, 2: try more. "
        f"Only one of {near.restarts} starts found the second: more may change their order. "
    )
    far = near._replace(bic=best.bic + 30.0)
    assert say.further_words([best, far], [best, far], "bic") == ""
    assert say.further_words([best], [best], "bic") == ""
