"""Fields that were added later are left out of canonical JSON at every depth, and nowhere else."""

import pytest
from pydantic import BaseModel, ValidationError

from gmm_core.mixture.fields import Later, canonical


class Leaf(BaseModel):
    size: int = 1
    colour: str = Later("green")
    ratio: float | None = Later(None, gt=0)


class Branch(BaseModel):
    leaf: Leaf = Leaf()
    leaves: tuple[Leaf, ...] = ()
    named: dict[str, Leaf] = {}
    spare: Leaf = Later(Leaf())


class Tree(BaseModel):
    branch: Branch | None = None
    rows: tuple[tuple[Branch, int], ...] = ()


def test_defaults_are_left_out_at_every_depth():
    branch = Branch(leaves=(Leaf(size=2),), named={"first": Leaf()})
    expected = {"leaf": {"size": 1}, "leaves": [{"size": 2}], "named": {"first": {"size": 1}}}
    tree = Tree(branch=branch, rows=((branch, 3),))
    assert canonical(tree) == {"branch": expected, "rows": [[expected, 3]]}


def test_what_differs_from_its_default_stays():
    leaf = Leaf(colour="red", ratio=0.5)
    tree = Tree(branch=Branch(leaf=leaf, spare=Leaf(size=2)), rows=((Branch(leaves=(leaf,)), 1),))
    body = canonical(tree)
    assert body["branch"]["leaf"] == {"size": 1, "colour": "red", "ratio": 0.5}
    assert body["branch"]["spare"] == {"size": 2}
    assert body["rows"][0][0]["leaves"] == [{"size": 1, "colour": "red", "ratio": 0.5}]


@pytest.mark.parametrize("leaf", [Leaf(), Leaf(colour="red"), Leaf(ratio=2)])
def test_reading_fills_in_what_was_left_out(leaf):
    tree = Tree(branch=Branch(leaf=leaf, named={"a": leaf}))
    assert Tree.model_validate(canonical(tree)) == tree


def test_an_ordinary_default_is_written_and_a_plain_dump_is_whole():
    assert canonical(Leaf()) == {"size": 1}
    assert Leaf().model_dump() == {"size": 1, "colour": "green", "ratio": None}


def test_constraints_hold():
    with pytest.raises(ValidationError):
        Leaf(ratio=-1)
