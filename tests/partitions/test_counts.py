"""Counts of data in partitions, and the figures that are drawn from them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client

import gmm_core as gmm
from gmm_core.figures.counts import counted
from gmm_core.partitions.counts import count

from .conftest import workers

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

RNG = np.random.default_rng(4)
VALUES = RNG.normal(size=(500, 3)) + RNG.integers(0, 2, 500)[:, None] * 5.0
VALUES[::50, 1] = np.nan
WEIGHTS = RNG.integers(1, 4, 500)
POINT = gmm.Parameters([0.3, 0.7], [np.zeros(3), np.full(3, 5.0)], [np.eye(3)] * 2)


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("counts")
    columns = {"a": VALUES[:, 0], "b": VALUES[:, 1], "c": VALUES[:, 2], "w": WEIGHTS}
    pq.write_table(pa.table(columns), folder / "x.parquet", row_group_size=120)
    data = gmm.read_dataset(str(folder), partitioned=True, weights="w", missing="keep")
    with pytest.raises(ValueError, match='there is no column "z". Choose from "a", "b", "c"'):
        count(data, ["z"])
    with pytest.raises(ValueError, match="3 columns came"):
        count(data, [("a", "b", "c")])
    with workers(1) as cluster, Client(cluster, set_as_default=False) as client:
        return count(data, ["a", ("c", "b")], bins=20, client=client)


def test_counts_are_those_of_the_data_that_is_read_whole(counts):
    one, two = counts
    expected, edges = np.histogram(VALUES[:, 0], bins=20, weights=WEIGHTS)
    np.testing.assert_array_equal(one.counts, expected)
    np.testing.assert_allclose(one.edges[0], edges, rtol=1e-12)
    present = ~np.isnan(VALUES[:, 1])
    expected, *_ = np.histogram2d(
        VALUES[present, 2], VALUES[present, 1], bins=two.edges, weights=WEIGHTS[present]
    )
    np.testing.assert_array_equal(two.counts, expected)
    assert two.counts.sum() == WEIGHTS[present].sum() < two.total == WEIGHTS.sum()


def test_bars_have_the_counts_and_the_mixture_in_rows(counts):
    fig = counted(counts[0], POINT)
    bars, *curves, whole = fig.data
    np.testing.assert_array_equal(bars.y, counts[0].counts)
    # By weight, the heavier one first; a density at its loc is w / sqrt(2 pi) per unit.
    width = counts[0].edges[0][1] - counts[0].edges[0][0]
    assert max(curves[0].y) == pytest.approx(
        0.7 / np.sqrt(2 * np.pi) * width * WEIGHTS.sum(), rel=1e-3
    )
    np.testing.assert_allclose(whole.y, np.sum([curve.y for curve in curves], axis=0), rtol=1e-12)
    assert f"Histogram of {WEIGHTS.sum():,} rows by a" in fig.layout.meta["alt"]


def test_a_map_has_the_counts_and_an_ellipse_of_each_component(counts):
    fig = counted(counts[1], POINT)
    cells, *rings = fig.data
    np.testing.assert_array_equal(cells.customdata, counts[1].counts.T)
    np.testing.assert_allclose(np.nan_to_num(10**cells.z), counts[1].counts.T, rtol=1e-12)
    assert len(rings) == 4
    assert (np.hypot(np.array(rings[1].x) - 5, np.array(rings[1].y) - 5)) == pytest.approx(2.0)
    assert len(counted(counts[1]).data) == 1
