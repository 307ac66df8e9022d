"""All one-step inclusions of the fourteen families hold on six data sets and K = 2 to 5.

`make calibrate` runs this. A short form stands in tests/comparison/test_nesting.py.
"""

import pytest
from nesting import broken

import gmm_core as gmm

SIX = ("faithful", "iris", "overlapping", "unequal", "three-blobs", "correlated")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SIX)
def test_no_wider_family_fits_worse(name):
    lower, looked_at = broken(gmm.example(name), (2, 3, 4, 5))
    print(f"\n{name}: {looked_at} of 92 pairs compared, broken:", lower)
    assert lower == {}
    assert looked_at > 20
