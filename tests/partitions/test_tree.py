"""The order of additions is fixed by their number, also where blocks are added at once."""

import pytest

from gmm_core.partitions.tree import in_blocks, summed


def bracketed(a, b):
    return f"({a}+{b})"


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 71, 512, 600])
def test_blocks_add_in_the_order_of_the_tree(n):
    parts = [str(i) for i in range(n)]
    found = in_blocks(parts, lambda block: summed(block, bracketed))
    assert found == summed(parts, bracketed)


def test_neighbours_are_added_first():
    assert summed("abcde", bracketed) == "(((a+b)+(c+d))+e)"
