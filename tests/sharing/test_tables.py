"""Exports: exact numbers, valid CSV, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from gmm_core import (
    Dataset,
    GuideFit,
    MapFit,
    Parameters,
    Posterior,
    responsibilities,
    transformed,
)
from gmm_core.data.reading import read_dataset
from gmm_core.sharing import tables

HOSTILE = ("=cmd|' /C calc'!A0", 'a "quoted", name')
PLANE = Dataset.from_values([[0.0, 1.0], [2.0, 3.0]], ["x", "y"])
POINT = Parameters(
    [0.375, 0.625], [[1 / 3, 2e-17], [1e8, -0.1]], [[[0.1, 0], [0.3, 0.7]], np.eye(2)]
)


def read(text: str) -> tuple[list[str], list[list[str]]]:
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert all(len(row) == len(head) for row in rows)
    return head, rows


def map_fit() -> MapFit:
    loss = np.array([[3.0, np.nan], [2.0, 1 / 3]])
    norm = {"locs": loss * 2, "scale": loss * 3}
    points = Parameters(*(np.stack([a, a]) for a in (POINT.weights, POINT.locs, POINT.scale_tril)))
    return MapFit(
        loss=loss,
        final_loss=np.array([np.nan, 0.25]),
        gradient_norm=norm,
        points=points,
        chosen=1,
        trajectory=(np.array([0, 1]), points),
        verdict=np.array(["untrained", "converged"]),
        basin=np.array([-1, 0]),
    )


def test_parameters_are_exact_and_ordered_by_weight() -> None:
    head, rows = read(tables.parameters_csv(PLANE, map_fit()))
    assert head == ["component", "weight", "loc x", "loc y", "sd x", "sd y", "covariance x, y"]
    first, second = ([float(cell) for cell in row] for row in rows)
    assert first == [1, 0.625, 1e8, -0.1, 1.0, 1.0, 0.0]
    assert second[:4] == [2, 0.375, 1 / 3, 2e-17]
    assert second[4:] == [*POINT.scales[0], POINT.covariances[0, 1, 0]]


def test_parameters_come_back_from_json() -> None:
    body = json.loads(tables.parameters_json(Dataset.from_values(PLANE.values, HOSTILE), POINT))
    back = Parameters(body["weights"], body["locs"], body["scale_tril"])
    assert body["columns"] == list(HOSTILE)
    assert np.array_equal(back.locs, POINT.locs[::-1])
    assert np.array_equal(back.scale_tril, POINT.scale_tril[::-1])


def test_memberships_hold_every_point_and_its_probabilities() -> None:
    point = Parameters([0.4, 0.6], [[0.0], [3.0]], np.ones((2, 1, 1)))
    data = Dataset.from_values([0.1, 1.5, 3.7], ["value"])
    head, rows = read(tables.memberships_csv(data, point))
    assert head[:4] == ["row", "value", "component", "probability"]
    probs = responsibilities(point.permuted([1, 0]), data.values)
    for n, row in enumerate(rows):
        assert [float(cell) for cell in row] == [
            n + 1,
            data.values[n, 0],
            probs[n].argmax() + 1,
            probs[n].max(),
            *probs[n],
        ]


def test_formulas_in_column_names_are_neutralised_and_quoted() -> None:
    data = Dataset.from_values([[0.0, -1.0], [1.0, 2.0]], HOSTILE)
    text = tables.memberships_csv(data, POINT)
    head, rows = read(text)
    assert head[1:3] == ["'" + HOSTILE[0], HOSTILE[1]]
    assert rows[0][2] == "-1.0"  # a negative number is a number, not a formula
    assert '"a ""quoted"", name"' in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_every_start_of_a_formula_gets_an_apostrophe(start: str) -> None:
    assert tables.safe(f"{start}1+1") == f"'{start}1+1"
    assert tables.safe(f"x{start}") == f"x{start}"


@pytest.mark.parametrize(
    "name",
    [
        "x;=cmd|' /C calc'!A0",
        "x; +1",
        'x;"=1"',
        "x\t@SUM(1)",
        "=1;-2",
        "a;b;＝1",
        " =1",
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_whichever_separator_the_spreadsheet_takes(
    name: str, separator: str
) -> None:
    data = Dataset.from_values([[0.0, 1.0], [1.0, 2.0]], [name, "y"])
    head = tables.memberships_csv(data, POINT).split("\r\n")[0]
    for cell in next(csv.reader([head], delimiter=separator)):
        assert not cell.lstrip(' "').startswith(("=", "+", "-", "@", "＝")), cell


@pytest.mark.parametrize("name", ["length; width", "a-b", "pH = 7", "rate [1/s]; mean", "x;"])
def test_ordinary_names_are_written_as_they_are(name: str) -> None:
    head, _ = read(tables.data_csv(Dataset.from_values([[0.0, 1.0], [1.0, 2.0]], [name, "y"])))
    assert head == [name, "y"]


def test_curves_of_a_map_fit_hold_all_restarts_by_seed() -> None:
    head, rows = read(tables.curves_csv(map_fit(), first_seed=7))
    assert head == [
        "step", "loss", "gradient norm locs", "gradient norm scale", "loss seed 7", "loss seed 8",
    ]  # fmt: skip
    assert [float(cell) for cell in rows[0]] == [0, 2.0, 4.0, 6.0, 3.0, 2.0]
    assert rows[1][4] == ""  # untrained: nothing was computed
    assert float(rows[1][1]) == 1 / 3


def test_curves_of_a_guide_hold_loss_and_gradient() -> None:
    fit = GuideFit(
        np.array([2.0, 1.0]), {"assignment_probs": np.array([0.5, 0.25])}, np.full((5, 2), 0.5)
    )
    head, rows = read(tables.guide_curves_csv(fit))
    assert head == ["step", "loss", "gradient norm assignment probs"]
    assert rows == [["0", "2.0", "0.5"], ["1", "1.0", "0.25"]]


def test_draws_come_chain_after_chain_with_their_statistics() -> None:
    rng = np.random.default_rng(0)
    weights = rng.dirichlet([1, 1], size=(2, 3))
    locs = rng.normal(size=(2, 3, 2, 2))
    factors = np.broadcast_to(np.array([[0.5, 0], [0.25, 2.0]]), (2, 3, 2, 2, 2))
    stats = {"log_joint": rng.normal(size=(2, 3)), "step_size": np.array([0.1, 0.2])}
    posterior = Posterior({"weights": weights, "locs": locs, "scale_tril": factors}, stats)
    head, rows = read(tables.draws_csv(PLANE, posterior))
    assert head[:6] == ["chain", "draw", "weight 1", "weight 2", "loc 1 x", "loc 1 y"]
    assert head[-1] == "log joint"
    assert [row[:2] for row in rows] == [[str(c), str(s)] for c in (1, 2) for s in (1, 2, 3)]
    cells = dict(zip(head, rows[4], strict=True))
    assert float(cells["loc 2 x"]) == locs[1, 1, 1, 0]
    assert float(cells["factor 2 y, x"]) == 0.25
    assert float(cells["log joint"]) == stats["log_joint"][1, 1]


def test_columns_of_other_data_are_refused() -> None:
    with pytest.raises(ValueError, match="D = 2"):
        tables.parameters_csv(Dataset.from_values([1.0, 2.0]), POINT)


def test_memberships_can_be_joined_to_the_file_they_come_from():
    text = "sample,id,x\n=A1,1001,0.5\nB,1002,\nC,1003,10.5\nD,1004,11\n"
    data = read_dataset(text.encode(), columns="x")
    point = Parameters([0.5, 0.5], [[0.0], [10.0]], np.ones((2, 1, 1)))
    head, rows = read(tables.memberships_csv(data, point))
    assert head[:4] == ["row", "sample", "id", "x"]
    # A name that a spreadsheet would take for a formula is made harmless.
    assert [row[:4] for row in rows] == [
        ["1", "'=A1", "1001", "0.5"],
        ["3", "C", "1003", "10.5"],
        ["4", "D", "1004", "11.0"],
    ]


def test_noise_has_its_name_and_its_probability() -> None:
    point = Parameters(
        np.array([0.6]), np.zeros((1, 1)), np.ones((1, 1, 1)), np.array(0.4), np.array([100.0])
    )
    lines = tables.memberships_csv(Dataset.from_values([0.0, 60.0]), point).splitlines()
    assert lines[0].endswith("probability of component 1,probability of noise")
    assert lines[1].split(",")[2] == "1"
    assert lines[2].split(",")[2] == "noise"


def test_transformed_columns_are_written_in_the_units_of_the_table() -> None:
    table = Dataset.from_values(np.exp([[0.0, 1.0], [2.0, 3.0], [1.0, 5.0]]), ["x", "y"])
    data = transformed(table, {"x": "standardise", "y": "log"})
    mean, sd = table.values[:, 0].mean(), table.values[:, 0].std()
    point = Parameters([1.0], [[0.5, 2.0]], [[[2.0, 0.0], [0.3, 0.7]]])
    head, (row,) = read(tables.parameters_csv(data, point))
    cells = dict(zip(head, map(float, row), strict=True))
    assert cells == pytest.approx(
        {
            "component": 1,
            "weight": 1,
            "loc x": mean + 0.5 * sd,
            "loc log y": 2,
            "sd x": 2 * sd,
            "sd log y": np.hypot(0.3, 0.7),
            "covariance x, log y": 0.6 * sd,
            "median y": np.exp(2),
        }
    )
    draws = {name: array[None, None] for name, array in point.arrays().items()}
    head, (row,) = read(tables.draws_csv(data, Posterior(draws, {"log_joint": np.zeros((1, 1))})))
    cells = dict(zip(head, map(float, row), strict=True))
    assert cells["loc 1 x"] == pytest.approx(mean + 0.5 * sd)
    assert cells["loc 1 log y"] == 2
    assert cells["median 1 y"] == pytest.approx(np.exp(2))
    assert cells["factor 1 x, x"] == pytest.approx(2 * sd)
    assert cells["factor 1 log y, log y"] == 0.7
    body = json.loads(tables.parameters_json(data, point))
    assert body["locs"] == [[0.5, 2.0]]
    assert body["units"]["log y"] == 'the natural logarithm of "y"'
    head, rows = read(tables.memberships_csv(data, point))
    np.testing.assert_allclose(np.array([r[1:3] for r in rows], float), table.values, rtol=1e-13)
    assert head[:4] == ["row", "x", "y", "component"]
