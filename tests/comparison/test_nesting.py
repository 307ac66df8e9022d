"""No family of covariances ends below one that it holds; all of them are in tests/calibration."""

import pytest
from nesting import broken, inclusions

import gmm_core as gmm


def test_there_are_twenty_three_steps_from_balls_to_ellipsoids_of_their_own():
    pairs = {(narrow.code, wide.code) for narrow, wide in inclusions()}
    assert len(pairs) == 23
    assert {("EII", "VII"), ("VVI", "VVE"), ("EVV", "VVV")} < pairs
    assert ("EII", "VVV") not in pairs


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_a_wider_family_fits_no_worse(name):
    lower, looked_at = broken(gmm.example(name), (2, 3), restarts=6)
    assert lower == {}
    assert looked_at > 40
