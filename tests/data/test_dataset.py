"""A dataset is immutable, knows its own hash, and refuses what is no table of numbers."""

import math
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from gmm_core.data.dataset import Dataset
from gmm_core.data.values import MAX_COLUMNS, MAX_POINTS, check_size

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_a_list_of_numbers_becomes_one_column():
    dataset = Dataset.from_values([0, 1, 10, 11, 12])
    assert dataset.values.shape == (5, 1)
    assert dataset.values.dtype == np.float64
    assert dataset.columns == ("value",)
    assert dataset.name == "data"


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3, 4]],
        np.array([[1, 2], [3, 4]], dtype=np.int8),
        np.array([[1, 3], [2, 4]], dtype=np.float32).T,
        torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True),
        [[Decimal(1), Decimal(2)], [Decimal(3), Decimal(4)]],
        np.array([[1, 9, 2], [3, 9, 4]])[:, ::2],
    ],
)
def test_everything_that_reads_as_numbers_gives_the_same_dataset(values):
    dataset = Dataset.from_values(values)
    assert dataset.columns == ("x1", "x2")
    assert dataset == Dataset.from_values([[1.0, 2.0], [3.0, 4.0]])
    assert dataset.values.flags.c_contiguous


def test_values_cannot_be_changed_from_inside_or_outside():
    source = np.array([1.0, 2.0])
    dataset = Dataset.from_values(source)
    source[0] = 99.0
    assert dataset.values[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        dataset.values[0, 0] = 5.0
    with pytest.raises(AttributeError):
        dataset.name = "other"


def test_a_copy_from_another_process_is_equal_and_still_read_only():
    dataset = Dataset.from_values([[1.0, 2.0]], ("a", "b"), "pair")
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy == dataset
    assert (copy.name, copy.columns) == ("pair", ("a", "b"))
    assert not copy.values.flags.writeable


def test_fingerprint_is_a_published_constant():
    # Links to runs hang on it: when this number changes, every link that was shared breaks.
    assert Dataset.from_values([0, 1, 10, 11, 12]).fingerprint == (
        "7e5885581588db821ad18103cd4d6e878cc3294773265403c30633884f055555"
    )


@given(st.lists(FINITE, min_size=1, max_size=8), st.data())
def test_fingerprint_changes_with_any_number(values, data):
    i = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(FINITE.filter(lambda x: x != values[i]))
    changed = [*values[:i], other, *values[i + 1 :]]
    assert Dataset.from_values(values).fingerprint != Dataset.from_values(changed).fingerprint


def test_fingerprint_knows_shape_and_columns_but_not_the_name():
    base = Dataset.from_values([[1.0, 2.0]], ("a", "b"))
    assert base == Dataset.from_values([[1.0, 2.0]], ("a", "b"), "another name")
    assert len({base, Dataset.from_values([[1.0, 2.0]], ("a", "b"), "x")}) == 1
    assert base != Dataset.from_values([[1.0, 2.0]], ("a", "c"))
    assert base != Dataset.from_values([[1.0], [2.0]], ("a",))
    # Names cannot be joined into one another.
    assert Dataset.from_values([[1.0, 2.0]], ('a", "b', "c")) != Dataset.from_values(
        [[1.0, 2.0]], ("a", 'b", "c')
    )


def test_minus_zero_is_zero():
    dataset = Dataset.from_values([-0.0, 1.0])
    assert math.copysign(1.0, dataset.values[0, 0]) == 1.0
    assert dataset == Dataset.from_values([0.0, 1.0])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            [1.0, math.nan, math.inf],
            "2 of 3 values are not finite.*first is nan in row 2, column 1",
        ),
        ([[1.0, -math.inf]], "first is -inf in row 1, column 2"),
        ([], "data is empty"),
        ([[]], "data is empty"),
        (np.zeros((0, 3)), "data is empty"),
        (5.0, "0 dimensions"),
        ([[[1.0]]], "3 dimensions"),
        ([[1.0], [1.0, 2.0]], "rows differ in length"),
        (["1", "2"], "are text"),
        ("1, 2", "list of numbers was expected"),
        (None, "list of numbers was expected"),
        ([True, False], "true/false"),
        ([1j], "complex"),
        ([1, None], "row 2, column 1 is None"),
        ([Decimal(1), True], "row 2, column 1 is True"),
        ([10**400], "too large"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "dates"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), "1 values are masked"),
    ],
)
def test_what_is_no_table_of_finite_numbers_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        Dataset.from_values(values)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "größe 重さ"])
def test_column_names_are_kept_as_they_are(name):
    assert Dataset.from_values([1.0], (f"  {name} ",)).columns == (name,)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("a",), "1 column names came for D = 2"),
        (("a", "b", "c"), "3 column names came for D = 2"),
        (("a", " a "), '"a" came more than once'),
        (("a", "  "), "column 2 is empty"),
        (("a", 3), "column 2 is 3, but text"),
        (("a", "b" * 201), "201 characters"),
        (("a", "b\0c"), "not text"),
        (("a", "\ud800"), "not text"),
    ],
)
def test_names_that_do_not_fit_are_refused(columns, words):
    with pytest.raises(ValueError, match=words):
        Dataset.from_values([[1.0, 2.0]], columns)


def test_limits_are_checked_in_the_core():
    with pytest.raises(ValueError, match=r"N = 2,000,001 points.*sample"):
        Dataset.from_values(np.broadcast_to(0.0, (MAX_POINTS + 1, 1)))
    with pytest.raises(ValueError, match="D = 257 columns"):
        Dataset.from_values(np.zeros((1, MAX_COLUMNS + 1)))
    with pytest.raises(ValueError, match="20,000,020 numbers"):
        check_size(1_000_001, 20)
    check_size(MAX_POINTS, 10)


def test_select_takes_columns_in_the_order_given():
    dataset = Dataset.from_values([[1, 2, 3], [4, 5, 6]], ("a", "b", "c"), "letters")
    chosen = dataset.select(["c", "a"])
    assert chosen.columns == ("c", "a")
    assert chosen.values.tolist() == [[3, 1], [6, 4]]
    assert chosen.name == "letters"
    assert dataset.select("b").values.tolist() == [[2], [5]]
    with pytest.raises(ValueError, match=r'no column "d".*"a", "b", "c"'):
        dataset.select(["a", "d"])
    with pytest.raises(ValueError, match="No column was chosen"):
        dataset.select([])


def test_repr_is_short_however_large_the_data():
    assert repr(Dataset.from_values(np.zeros(10_000))).startswith("Dataset('data', N=10000, D=1, ")


def test_pydantic_models_hold_it_and_write_its_fingerprint():
    class Holder(BaseModel):
        dataset: Dataset

    dataset = Dataset.from_values([1.0])
    holder = Holder(dataset=dataset)
    assert holder.dataset is dataset
    assert holder.model_dump_json() == f'{{"dataset":"{dataset.fingerprint}"}}'
    with pytest.raises(ValueError, match="instance of Dataset"):
        Holder(dataset=[1.0])


def test_a_data_frame_keeps_the_names_of_its_columns():
    frame = pd.DataFrame({"eruptions": [3.6, 1.8], "waiting": [79, 54]})
    assert Dataset.from_values(frame).columns == ("eruptions", "waiting")
    assert Dataset.from_values(frame, ["a", "b"]).columns == ("a", "b")
    assert Dataset.from_values(pd.DataFrame([[1.0, 2.0]])).columns == ("x1", "x2")
    assert Dataset.from_values(frame["waiting"]).columns == ("waiting",)
    assert Dataset.from_values(pd.Series([1.0, 2.0])).columns == ("value",)
