"""A comparison in a line."""

import numpy as np

import gmm_core as gmm
from gmm_core.comparison.sweep import Comparison
from gmm_core.runs import kinds


def test_a_sweep_is_summed_up_in_the_words_of_the_settings():
    values = np.random.default_rng(0).normal(size=(40, 2)) * [1, 9]
    rows = gmm.compare(gmm.Dataset.from_values(values), [1], ["diag"], gmm.Priors.flat())
    words = kinds.named("compare").headline(Comparison(tuple(rows)))
    assert words.startswith("best by BIC: K = 1, diagonal, ")
