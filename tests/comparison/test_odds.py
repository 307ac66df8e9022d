"""A sweep asked for evidences has them, and makes of them how probable each K is."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.comparison import sweep
from gmm_core.comparison.odds import average_density, probability_of_k
from gmm_core.figures import comparison as figures
from gmm_core.figures import style
from gmm_core.figures.averaged import averaged
from gmm_core.words import comparison as say

TUTORIAL = gmm.example("tutorial")
# Exact sums over every partition of the points: K = 1 to 3.
EXACT = np.array([-19.1356, -17.1255, -16.9043])


@pytest.fixture(scope="module")
def rows():
    return gmm.compare(
        TUTORIAL,
        (1, 2, 3),
        [("spherical", True)],
        gmm.Priors.tutorial(),
        restarts=3,
        start="kmeans++",
        evidence=True,
    )


def test_every_cell_has_its_evidence_with_an_optimum_or_without(rows):
    for row, exact in zip(rows, EXACT, strict=True):
        assert abs(row.log_evidence - exact) < 4 * row.evidence_error
        assert row.evidence_error < 0.2
    assert not rows[2].sound  # an empty component has no bound under the tutorial's priors
    assert sweep.ranked(rows, "log_evidence")[-1] == 0
    assert len(sweep.ranked(rows, "log_evidence")) == 3


def test_components_are_as_probable_as_exact_sums_say(rows):
    odds = probability_of_k(rows, 1)
    exact = np.exp(EXACT) / np.exp(EXACT).sum()
    assert list(odds) == [1, 2, 3]
    assert list(odds.values()) == pytest.approx(exact, abs=0.1)
    assert sum(odds.values()) == pytest.approx(1)


def test_mixtures_of_one_k_share_its_prior_probability(rows):
    twice = [rows[0], rows[1], rows[1]._replace(tied=False)]
    assert probability_of_k(twice, 1) == pytest.approx(probability_of_k(rows[:2], 1))
    assert probability_of_k([row._replace(log_evidence=np.nan) for row in rows], 1) == {}


def test_the_evidence_is_drawn_with_its_errors_and_said_with_its_odds(rows):
    fig = figures.criterion_over_k(rows, (1, 2, 3), 1, "log_evidence", True)
    line = next(trace for trace in fig.data if trace.name == "shared")
    assert list(line.y) == [row.log_evidence for row in rows]
    assert list(line.error_y.array) == [2 * row.evidence_error for row in rows]
    assert not any(trace.name == "no optimum" for trace in fig.data)
    sentence = say.comparison_answer(5, 1, rows, "log_evidence")[0].text
    assert "best: log evidence −1" in sentence
    assert "Given the data, with equal odds before it: K = " in sentence


def test_the_average_density_is_that_of_each_k_by_its_probability(rows):
    average = average_density(TUTORIAL, rows)
    odds = probability_of_k(rows, 1)
    assert {K: share for K, (share, _) in average.by_k.items()} == pytest.approx(odds)
    mean = sum(odds[K] * line for K, (_, line) in average.by_k.items())
    np.testing.assert_allclose(average.density, mean, rtol=1e-12)
    # Nearly all of it lies in view, and one component has one summit in it.
    step = average.grid[1] - average.grid[0]
    assert 0.6 < average.density.sum() * step < 1
    assert np.sum(np.diff(np.sign(np.diff(average.by_k[1][1]))) < 0) == 1
    assert average_density(TUTORIAL, [row._replace(density=()) for row in rows]) is None


def test_the_average_density_of_one_mixture_is_the_mean_over_its_posterior(rows):
    mixture = gmm.Mixture(n_components=2, priors=gmm.Priors.tutorial())
    posterior = gmm.sample_posterior(TUTORIAL, mixture, gmm.SmcOptions(seed=7), engine="smc")
    average = average_density(TUTORIAL, rows[1:2])
    mean_density = np.exp(gmm.log_density(posterior.parameters, average.grid)).mean(axis=0)
    np.testing.assert_allclose(average.density, mean_density, atol=0.1 * mean_density.max())


def test_the_average_is_drawn_with_each_likely_k(rows):
    fig = averaged(TUTORIAL, rows)
    text = " ".join(note.text for note in fig.layout.annotations)
    assert "average" in text
    assert "K = 3" in text
    assert "averaged over all mixtures" in fig.layout.meta["alt"]


def test_each_k_has_the_colour_of_its_place_in_the_sweep_from_the_first_row_on(rows):
    def colours(rows):
        lines = averaged(TUTORIAL, rows, n_components=(1, 2, 3, 4)).data
        return {line.line.color for line in lines if line.mode == "lines"} - {style.INK}

    assert colours(rows[1:2]) == {style.k_colour(2, (1, 2, 3, 4))}
    assert colours(rows) <= {style.k_colour(K, (1, 2, 3, 4)) for K in (1, 2, 3, 4)}
    assert not colours(rows) & set(style.PALETTE)


def test_an_evidence_needs_priors_to_average_over():
    with pytest.raises(ValueError, match=r"nothing to average over. Give every prior"):
        gmm.compare(TUTORIAL, 2, evidence=True)


def test_a_sweep_that_is_not_asked_for_it_keeps_its_id():
    with_evidence, plain = (
        gmm.Specification(
            dataset=TUTORIAL, mixture=gmm.Mixture(), options=gmm.CompareOptions(**fields)
        )
        for fields in ({"evidence": True}, {})
    )
    assert with_evidence.id != plain.id
    assert '"evidence"' not in plain.to_json()
