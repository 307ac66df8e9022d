"""Which points lie far from all others."""

import numpy as np
import pytest

from gmm_core.data.isolated import isolated

RNG = np.random.default_rng(0)
BLOBS = np.r_[RNG.normal(0, 1, (100, 2)), RNG.normal(9, 1, (100, 2))]


def test_typing_error_is_found_whatever_the_units():
    # Weight and height of somebody, entered the wrong way round.
    weights = RNG.normal(66, 12, 150)
    people = np.c_[weights, 170 + 0.5 * (weights - 66) + RNG.normal(0, 6, 150)]
    people[11] = 166, 57
    assert isolated(people).tolist() == [11]
    assert isolated(people * [1e-6, 1e6] + [0, 1e9]).tolist() == [11]


def test_few_points_lie_alone_together_and_as_many_as_hold_a_component_do_not():
    far = RNG.normal((60, -60), 0.1, (6, 2))
    assert isolated(np.r_[BLOBS, far[:5]]).tolist() == [200, 201, 202, 203, 204]
    assert isolated(np.r_[BLOBS, far]).size == 0


@pytest.mark.parametrize(
    "values",
    [
        BLOBS,
        RNG.normal(size=(1000, 5)),
        RNG.exponential(size=(200, 1)),
        RNG.integers(0, 3, (300, 4)).astype(float),
        np.ones((40, 2)),
        np.c_[np.ones(40), RNG.normal(size=40)],
        [[1.0, 2.0], [3.0, 1e9]],
    ],
)
def test_ordinary_data_has_none(values):
    assert isolated(np.asarray(values, float)).size == 0
