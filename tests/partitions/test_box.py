"""Noise in partitions: its box, its moments and its fits are those of data that is read whole."""

import operator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client

import gmm_core as gmm
from gmm_core.comparison.criteria import CRITERIA
from gmm_core.data.pieces import Content
from gmm_core.inference import partitioned
from gmm_core.mixture.likelihood import membership
from gmm_core.mixture.observation import box_of, observed
from gmm_core.partitions.box import box
from gmm_core.partitions.held import held
from gmm_core.partitions.partition import Partition, moments
from gmm_core.partitions.tree import summed

from .conftest import workers

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

RNG = np.random.default_rng(23)
CENTRES = np.array([[0.0, 0.0], [6.0, 5.0]])
VALUES = RNG.normal(size=(900, 2)) @ [[1.0, 0.9], [0.0, 0.3]] + CENTRES[RNG.integers(0, 2, 900)]
VALUES[:90] = RNG.uniform(-10, 15, size=(90, 2))
SLIM = RNG.normal(size=(900, 2)) @ [[1.0, 0.9], [0.0, 0.3]]  # whose principal box is the smaller
WEIGHTS = RNG.uniform(0.5, 2, 900)
MIXTURE = gmm.Mixture(
    n_components=2, covariance="full", tied=False, priors=gmm.Priors.flat(), noise=True
)
OPTIONS = gmm.MapOptions(restarts=4, start="kmeans++", method="em", choose="final", steps=300)


def written(folder, values, weights, cuts):
    folder.mkdir()
    for i, rows in enumerate(np.split(np.arange(len(values)), cuts)):
        columns = {"a": values[rows, 0], "b": values[rows, 1], "w": weights[rows]}
        pq.write_table(pa.table(columns), folder / f"{i}.parquet")
    return gmm.read_dataset(str(folder), partitioned=True, weights="w", missing="keep")


@pytest.mark.parametrize("cuts", [[], [400], [1, 2, 300, 300, 800, 899]])
def test_the_box_is_that_of_the_whole(tmp_path, client, cuts):
    holed = SLIM.copy()
    holed[0, 0] = holed[500, 1] = np.nan  # of which one is a partition of its own
    for name, values in (("complete", SLIM), ("holed", holed), ("scattered", VALUES)):
        data = written(tmp_path / name, values, WEIGHTS, cuts)
        with held(data, client) as on_workers:
            sides = box(on_workers)
        np.testing.assert_allclose(sides, box_of(values, WEIGHTS), rtol=1e-12)
        own = np.prod(on_workers.whole.high - on_workers.whole.low)
        assert (np.prod(sides) < 0.9 * own) == (name != "scattered")


def test_rows_that_repeat_one_another_span_no_principal_box(tmp_path, client):
    values = np.tile([[0.0, 1.0], [2.0, 4.0]], (20, 1))
    with held(written(tmp_path / "two", values, np.ones(40), [7, 30]), client) as on_workers:
        np.testing.assert_array_equal(box(on_workers), [2.0, 3.0])


@pytest.mark.parametrize("cuts", [[], [500], [1, 2, 300, 300, 700, 899]])
def test_moments_with_noise_add_up(cuts):
    point = gmm.Parameters([0.3, 0.5], CENTRES, [np.eye(2)] * 2, 0.2, box_of(VALUES, WEIGHTS))
    pairs = zip(np.split(VALUES, cuts), np.split(WEIGHTS, cuts), strict=True)
    parts = [Partition.of(Content(v, np.arange(len(v)), w)) for v, w in pairs]
    total = summed([moments(part, point.reshape(1)) for part in parts], operator.add)
    data = gmm.Dataset.from_values(VALUES, weights=WEIGHTS)
    value, shares = membership(data, MIXTURE, point)
    r = shares * WEIGHTS
    np.testing.assert_allclose(total.value[0], value, rtol=1e-12)
    np.testing.assert_allclose(total.counts[0], r.sum(axis=1), rtol=1e-12)
    means = r[:2] @ VALUES / r[:2].sum(axis=1)[:, None]
    np.testing.assert_allclose(total.means[0], means, rtol=1e-12)


def test_a_fit_with_noise_is_that_of_the_whole_and_has_the_same_bits_on_any_workers(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(partitioned, "CORESET", 400)  # whose own box would be another
    data = written(tmp_path / "parts", VALUES, WEIGHTS, [300, 301, 700])
    fits = []
    for n in (1, 2, 4):
        with workers(n) as cluster, Client(cluster, set_as_default=False) as client:
            fits.append(partitioned.fit(data, MIXTURE, OPTIONS, client=client))
    fit = fits[0]
    for other in fits[1:]:
        np.testing.assert_array_equal(fit.loss, other.loss)
        for name, array in fit.points.arrays().items():
            np.testing.assert_array_equal(array, other.points.arrays()[name])
    everything = gmm.Dataset.from_values(VALUES, weights=WEIGHTS)
    whole = gmm.fit_map(everything, MIXTURE, OPTIONS)
    assert fit.verdict[fit.chosen] == "converged"
    np.testing.assert_allclose(
        fit.final_loss[fit.chosen], whole.final_loss[whole.chosen], rtol=1e-12
    )
    mine, theirs = (result.parameters for result in (fit, whole))
    np.testing.assert_allclose(mine.noise, theirs.noise, atol=1e-5)
    np.testing.assert_allclose(mine.box, observed(everything, MIXTURE).box, rtol=1e-12)


def test_a_comparison_with_noise_is_at_full_size(tmp_path, client):
    data = written(tmp_path / "parts", VALUES, WEIGHTS, [300, 301, 700])
    with client.as_current():
        mine = gmm.compare(data, [1, 2], ["VVV"], noise=True, restarts=4)
    everything = gmm.Dataset.from_values(VALUES, weights=WEIGHTS)
    theirs = gmm.compare(everything, [1, 2], ["VVV"], noise=True, restarts=4)
    names = [name for name, criterion in CRITERIA.items() if criterion.value is not None]
    for a, b in zip(mine, theirs, strict=True):
        for name in names:
            assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-7), name
        assert a.entropy == pytest.approx(b.entropy, rel=1e-5)
