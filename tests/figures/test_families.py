"""The picture of a family: equal where it shares, different where it does not."""

import re

import pytest

from gmm_core.figures.families import picture
from gmm_core.mixture.covariance import FAMILIES


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.code)
def test_ellipses_share_what_the_family_shares(family):
    svg = picture(family)
    radii = [(float(a), float(b)) for a, b in re.findall(r'rx="([\d.]+)" ry="([\d.]+)"', svg)]
    angles = re.findall(r"rotate\((-?[\d.]+)", svg)
    assert len(radii) == 3
    size = {round((a * b) ** 0.5) for a, b in radii}
    shape = {round(a / b, 1) for a, b in radii}
    assert (len(size) > 1) == (family.code[0] == "V")
    assert (len(shape) > 1) == (family.code[1] == "V")
    assert (len(set(angles)) > 1) == (family.code[2] == "V")
    assert (set(angles) == {"0"}) == (family.code[2] == "I")
    assert family.words in svg
