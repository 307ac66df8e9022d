"""Which points change their component between two mixtures, counted by hand."""

from __future__ import annotations

import numpy as np

import gmm_core as gmm
from gmm_core.membership.changed import changes

DATA = gmm.Dataset.from_values([0.0, 1.0, 4.0, 6.0, 10.0, 11.0])


def mixture(*locs: float) -> gmm.Parameters:
    K = len(locs)
    return gmm.Parameters(np.full(K, 1 / K), np.array(locs)[:, None], np.ones((K, 1, 1)))


def test_points_between_two_boundaries_change():
    # Boundaries at 5 and, components in another order, at 7.
    changed = changes(DATA, mixture(0.0, 10.0), mixture(13.0, 1.0))
    assert changed.rows.tolist() == [3]
    assert changed.table.tolist() == [[3, 0], [1, 2]]
    assert (changed.here[3], changed.there[3]) == (1, 0)


def test_nothing_changes_between_equal_mixtures_in_another_order():
    changed = changes(DATA, mixture(0.0, 10.0), mixture(10.0, 0.0))
    assert not changed.rows.size
    assert changed.table.tolist() == [[3, 0], [0, 3]]


def test_points_of_a_further_component_have_changed():
    changed = changes(DATA, mixture(0.0, 10.0), mixture(0.0, 5.0, 10.0))
    assert changed.rows.tolist() == [2, 3]
    assert changed.table.tolist() == [[2, 0, 1], [0, 2, 1]]
