"""Which columns sort the points into classes, and which are names, numbers or the known classes."""

import numpy as np

import gmm_core as gmm
from gmm_core.data.class_columns import KNOWN, MOST, class_columns
from gmm_core.data.rows import Rows

N = 30
VALUES = np.random.default_rng(0).normal(size=(N, 2))


def with_columns(**columns):
    rows = Rows(np.arange(1, N + 1), {name: np.array(cells) for name, cells in columns.items()})
    return gmm.Dataset(VALUES, rows=rows)


def test_columns_with_few_entries_are_classes_and_others_are_not():
    data = with_columns(
        name=[f"row {n}" for n in range(N)],
        sex=["F", "M", ""] * (N // 3),
        cylinders=[4.0, 6.0, np.nan] * (N // 3),
        year=np.arange(N) + 1990.0,
        country=["here"] * N,
        most=np.arange(N) % MOST,
        too_many=np.arange(N) % (MOST + 1),
    )
    by_name = {column.name: column for column in class_columns(data)}
    assert list(by_name) == ["sex", "cylinders", "most"]
    assert by_name["sex"].names == ("F", "M")
    assert by_name["sex"].member[:3].tolist() == [0, 1, -1]
    assert by_name["cylinders"].names == ("4", "6")
    assert class_columns(gmm.Dataset(VALUES)) == []


def test_known_classes_come_first_under_the_name_of_their_column():
    (only,) = class_columns(gmm.example("iris"))
    assert only.name == KNOWN
    assert only.names == ("setosa", "versicolor", "virginica")
    text = "a;b;kind;site\n" + "\n".join(
        f"{n};{n * n};{'xy'[n % 2]};{'uvw'[n % 3]}" for n in range(12)
    )
    data = gmm.read_dataset(text.encode(), columns=["a", "b"], classes="kind")
    assert [column.name for column in class_columns(data)] == ["kind", "site"]


def test_each_class_once_says_nothing():
    data = gmm.Dataset(VALUES[:3], rows=Rows(np.arange(3), {"a": np.array(["x", "y", "z"])}))
    assert class_columns(data) == []
