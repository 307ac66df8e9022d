"""Figures of the exact posterior: evidence over K, differences from the draws."""

from __future__ import annotations

import numpy as np

from gmm_core.figures import exact as figures


def test_evidence_names_its_values_and_the_best():
    fig = figures.evidence([(1, -19.1356), (2, -17.1255), (3, -16.9043)], 2)
    labels = [a.text for a in fig.layout.annotations]
    assert {"−19.1356", "−17.1255", "−16.9043"} <= set(labels)
    assert "highest at K = 3" in fig.layout.meta["alt"]
    assert fig.data[0].marker.size[1] > fig.data[0].marker.size[0]


def test_differences_are_signed_and_none_is_minus_zero():
    exact = np.array([[1.0, 0.5], [0.5, 1.0]])
    estimated = np.array([[1.0, 0.48], [0.4999, 1.0]])
    labels = [
        a.text
        for a in figures.together_difference(estimated, exact, ["0", "1"], "x").layout.annotations
    ]
    assert labels == ["−0.020", "0"]
