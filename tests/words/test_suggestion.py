"""What a sweep suggests is told with what it has not tried."""

import numpy as np

import gmm_core as gmm
from gmm_core.comparison.suggestion import suggest
from gmm_core.words.suggestion import chosen

RNG = np.random.default_rng(0)
THREE = gmm.Dataset.from_values(
    np.r_[RNG.normal(0, 1, 60), RNG.normal(9, 1, 60), RNG.normal(20, 1, 60)]
)


def text_of(most):
    rows = gmm.compare(
        THREE, range(1, most + 1), [("diag", False)], gmm.Priors.flat(), start="search"
    )
    return chosen(suggest(rows, 1), 1)


def test_a_best_with_the_most_components_tried_is_told_so():
    assert text_of(2).startswith("Two components")
    assert "More than two components were not tried, and may suit better" in text_of(2)


def test_a_best_below_the_most_is_the_best():
    assert text_of(5).startswith("Three components")
    assert "not tried" not in text_of(5)
