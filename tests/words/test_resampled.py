"""What refits say has their counts, and never calls for a component by chance."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.comparison.likelihood_ratio import LikelihoodRatio
from gmm_core.posterior.bootstrap import Bootstrap
from gmm_core.words import resampled as say

POINT = gmm.Parameters([0.4, 0.6], [[0.0], [5.0]], np.ones((2, 1, 1)))


def bootstrap(changed=0, failed=0, B=100):
    rng = np.random.default_rng(0)
    draws = {name: np.stack([array] * B) for name, array in POINT.arrays().items()}
    draws["locs"] = draws["locs"] + rng.normal(size=(B, 2, 1))
    return Bootstrap(POINT, draws, np.arange(B) < changed, np.arange(B) >= B - failed, ("x",))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "All others ended in this fit's own basin."),
        ({"changed": 2}, "2 ended in another basin than this fit's."),
        ({"changed": 30}, "what the components are is itself in doubt"),
        ({"failed": 1}, "1 replicate had no sound optimum and is left out."),
        ({"failed": 3}, "3 replicates had no sound optimum and are left out."),
    ],
)
def test_replicates_are_counted(counts, words):
    assert words in say.bootstrap_words(bootstrap(**counts))


def test_the_table_has_a_row_for_each_parameter():
    rows = say.bootstrap_rows(bootstrap(), gmm.Dataset.from_values([0.0, 1.0, 5.0], ["x"]))
    assert [row[0] for row in rows] == ["weight 1", "weight 2", "loc 1", "loc 2", "scale"]
    assert len(rows[0]) == len(say.BOOTSTRAP_HEAD)
    # The larger component is the first, as in the fit's own table.
    assert [row[1] for row in rows[:4]] == ["0.6000", "0.4000", "5.000", "0"]
    assert float(rows[2][2]) == pytest.approx(1, abs=0.2)


def test_one_component_more_is_called_for_where_chance_would_not_do():
    many = np.linspace(0, 10, 99)
    rejects = say.ratio_words(LikelihoodRatio(30.0, many), 1)
    assert "one component against two: 30.00, p = 0.010 by 99" in rejects
    assert "two are called for" in rejects
    assert "Two would do" in say.ratio_words(LikelihoodRatio(3.0, many), 2)
    assert "No replicate has a statistic" in say.ratio_words(LikelihoodRatio(3.0, many * np.nan), 2)
