"""Which first row names the columns, and which lines with a hash are comments."""

import pytest

from gmm_core.data.reading import read_table


def read(content):
    return read_table(content.encode())


@pytest.mark.parametrize(
    "content",
    [
        "A,1,2\nB,3,7\nC,5,4\n",  # a label that does not come again is no header
        "A,2001,2002\nB,1,2\nA,3,4\n",  # a label that does
        "A,2001,2\nB,1,3\nC,3,4\n",  # one year among numbers
        "A,2001,2002\nB,1999,3\nC,3,4\n",  # years below
        "A,2002,2001\nB,1,3\nC,3,4\n",  # in no order
        "2001,2002\n1,3\n3,4\n",  # no label
    ],
)
def test_a_first_row_of_data_is_kept(content):
    assert read(content).n_rows == 3


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ("#,h\n1,180\n2,170\n3,160\n", ("#", "h"), 3),
        ("#\tx\n1\t5\n", ("#", "x"), 1),
        ("#a;b\n1,5;2\n", ("a", "b"), 1),
        ("# made by hand, 2020\n# a b\n1 2\n3 4\n", ("a", "b"), 2),
        ("# made by hand\n1 2\n3 4\n", ("x1", "x2"), 2),
        ("# my data\na b\n1 2\n3 4\n", ("a", "b"), 2),
        ("#1,2\n3,4\n", ("x1", "x2"), 1),
        ("# heights\n1\n2\n", ("value",), 2),
    ],
)
def test_a_header_behind_a_hash_is_told_from_a_comment(content, columns, rows):
    reading = read(content)
    assert (reading.columns, reading.n_rows) == (columns, rows)


@pytest.mark.parametrize(
    ("content", "rows", "sentence"),
    [
        ("v,w\n1,2\n3,4\n# end, x\n", 2, 'The last line begins with "#" and was left out.'),
        ("# top\nv,w\n1,2\n# a\n\n# b, c\n", 1, "The last 2 lines begin"),
        ('v,w\n1,"a\n# b"\n', 1, "Left out 1 column"),
        ("w,v\n#00f,1\n#0f0,2\n#f00,3\n", 3, "3 rows of 1 column"),
    ],
)
def test_comments_below_a_table_are_left_out_and_said(content, rows, sentence):
    reading = read(content)
    assert reading.n_rows == rows
    assert "v" in reading.columns
    assert sentence in " ".join(reading.sentences())
