"""Words about runs that wait."""

import pytest

from gmm_core.words.jobs import in_line


@pytest.mark.parametrize(
    ("position", "sentence"),
    [
        (0, "Next in line"),
        (2, "Third in line"),
        (9, "Tenth in line"),
        (10, "11th in line"),
        (20, "21st in line"),
        (21, "22nd in line"),
        (112, "113th in line"),
        (1022, "1,023rd in line"),
    ],
)
def test_place_in_line_is_said_as_an_ordinal(position, sentence):
    assert in_line(position) == sentence
