"""Fits on real Dask workers: the whole data's optimum, the same bits, and workers that are lost."""

import os
import signal
from fractions import Fraction

import dask
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster
from scipy.stats import multivariate_normal

import gmm_core as gmm
from gmm_core.comparison.criteria import CRITERIA
from gmm_core.inference import partitioned, partitioned_sweep
from gmm_core.partitions.held import connected, held

from .conftest import workers

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

RNG = np.random.default_rng(11)
CENTRES = np.array([[0.0, 0.0], [5.0, 1.0], [0.0, 6.0]])
VALUES = RNG.normal(size=(6000, 2)) + CENTRES[RNG.integers(0, 3, 6000)]
MIXTURE = gmm.Mixture(n_components=3, covariance="full", tied=False, priors=gmm.Priors.flat())
OPTIONS = gmm.MapOptions(restarts=6, start="kmeans++", method="em", choose="final", steps=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for i, rows in enumerate(np.split(VALUES, [2500])):
        table = pa.table({"a": rows[:, 0], "b": rows[:, 1]})
        pq.write_table(table, folder / f"{i}.parquet", row_group_size=1000)
    return folder


@pytest.fixture
def data(folder):
    return gmm.read_dataset(f"{folder}/*.parquet", partitioned=True)


# From here EM takes some dozens of passes.
FAR = gmm.Parameters(np.full(3, 1 / 3), CENTRES / 3 + 1.5, [4 * np.eye(2)] * 3)


def test_the_optimum_is_that_of_the_whole_data_and_has_the_same_bits_on_any_workers(data):
    fits = []
    for n in (1, 2, 4):
        with workers(n) as cluster, Client(cluster, set_as_default=False) as client:
            fits.append(partitioned.fit(data, MIXTURE, OPTIONS, client=client))
    for other in fits[1:]:
        for name, array in fits[0].points.arrays().items():
            np.testing.assert_array_equal(array, other.points.arrays()[name])
        np.testing.assert_array_equal(fits[0].loss, other.loss)
    fit = fits[0]
    whole = gmm.fit_map(gmm.Dataset.from_values(VALUES), MIXTURE, OPTIONS)
    assert fit.verdict[fit.chosen] == "converged"
    np.testing.assert_allclose(
        fit.final_loss[fit.chosen], whole.final_loss[whole.chosen], rtol=1e-12
    )
    mine, theirs = (result.parameters.permuted(result.parameters.order) for result in (fit, whole))
    np.testing.assert_allclose(mine.locs, theirs.locs, atol=1e-5)
    losses = fit.loss[fit.chosen][np.isfinite(fit.loss[fit.chosen])]
    assert np.all(np.diff(losses) <= 1e-9 * np.abs(losses[:-1]))


def test_known_classes_weights_and_holes_count_as_in_data_that_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(partitioned, "CORESET", 300)
    rng = np.random.default_rng(5)
    component = rng.integers(0, 3, 1200)
    component[:3] = 0, 1, 2  # data that is read whole numbers classes as they come
    values = rng.normal(size=(1200, 2)) + CENTRES[component]
    values[rng.random((1200, 2)) < 0.1] = np.nan
    values[[0, 1, 2]] = CENTRES
    values[900:910] = np.nan  # a partition that has nothing
    kind = np.where(rng.random(1200) < 0.1, "", np.array(["ant", "bee", "cat"])[component])
    kind[[0, 1, 2]] = "ant", "bee", "cat"
    columns = {"a": values[:, 0], "b": values[:, 1], "w": rng.uniform(0.5, 2, 1200), "kind": kind}
    cuts = [1, 400, 401, 900, 910, 1100]
    for i, rows in enumerate(np.split(np.arange(1200), cuts)):
        table = pa.table({name: column[rows] for name, column in columns.items()})
        pq.write_table(table, tmp_path / f"{i}.parquet")
    one = tmp_path / "whole"
    one.mkdir()
    pq.write_table(pa.table(columns), one / "all.parquet")
    settings = {"weights": "w", "classes": "kind", "missing": "keep"}
    mixture = MIXTURE.model_copy(update={"labels": "fix"})
    fits = []
    for n, folder in ((1, tmp_path), (2, tmp_path), (2, one)):
        data = gmm.read_dataset(str(folder), partitioned=True, **settings)
        with workers(n) as cluster, Client(cluster, set_as_default=False) as client:
            fits.append(partitioned.fit(data, mixture, OPTIONS, client=client))
    np.testing.assert_array_equal(fits[0].loss, fits[1].loss)
    np.testing.assert_array_equal(fits[0].parameters.locs, fits[1].parameters.locs)
    present = ~np.isnan(values).all(axis=1)
    everything = gmm.Dataset.from_values(
        values[present],
        weights=columns["w"][present],
        classes=kind[present],
        missing="keep",
    )
    whole = gmm.fit_map(everything, mixture, OPTIONS)
    for fit in fits:
        np.testing.assert_allclose(
            fit.final_loss[fit.chosen], whole.final_loss[whole.chosen], rtol=1e-12
        )
        np.testing.assert_allclose(fit.parameters.locs, whole.parameters.locs, atol=1e-5)


def test_a_sample_finds_the_optimum_of_all(data, monkeypatch):
    monkeypatch.setattr(partitioned, "CORESET", 600)
    with workers(1) as cluster, Client(cluster, set_as_default=False) as client:
        fit = partitioned.fit(data, MIXTURE, OPTIONS, client=client)
        with held(data, client) as on_workers:
            assert on_workers.fingerprint == data.fingerprint
            assert on_workers.whole.rows == 6000
            np.testing.assert_allclose(on_workers.whole.mean, VALUES.mean(axis=0), rtol=1e-12)
    whole = gmm.fit_map(gmm.Dataset.from_values(VALUES), MIXTURE, OPTIONS)
    np.testing.assert_allclose(
        fit.final_loss[fit.chosen], whole.final_loss[whole.chosen], rtol=1e-12
    )


def test_a_lost_worker_has_its_partitions_read_again(data):
    passes = []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        pids = list(client.run(os.getpid).values())

        def watch(progress):
            if progress.done > 0 and not passes:
                passes.append(progress.done)
                os.kill(pids[0], signal.SIGKILL)

        fit = partitioned.fit(data, MIXTURE, OPTIONS, start=FAR, client=client, on_progress=watch)
    assert len(passes) == 1
    whole = gmm.fit_map(gmm.Dataset.from_values(VALUES), MIXTURE, OPTIONS)
    np.testing.assert_allclose(
        fit.final_loss[fit.chosen], whole.final_loss[whole.chosen], rtol=1e-12
    )


def test_a_comparison_is_at_full_size(data, monkeypatch):
    monkeypatch.setattr(partitioned_sweep, "CORESET", 800)
    monkeypatch.setattr(partitioned_sweep, "FEWEST", 300)
    monkeypatch.setattr(partitioned_sweep, "EACH", 1)
    reports = []
    with workers(1) as cluster, Client(cluster):
        rows = gmm.compare(data, [1, 3], ["VVV", "EEE"], restarts=4, on_progress=reports.append)
    shares = [report.done / report.total for report in reports]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    # Each mixture is told of once it is known: the first when its third of the work is done.
    news = [
        share for report, share in zip(reports, shares, strict=True) if "bic" in report.snapshot
    ]
    np.testing.assert_allclose(sorted(set(news)), [1 / 3, 2 / 3, 1])
    # Three components take some passes over all rows, each of which is seen: in the last third
    # of the work, whose first half is the sample's.
    passes = {share for share in shares if 5 / 6 <= share < 1}
    assert len(passes) >= 4
    whole = gmm.compare(gmm.Dataset.from_values(VALUES), [1, 3], ["VVV", "EEE"], restarts=4)
    names = [name for name, report in CRITERIA.items() if report.value is not None]
    for mine, theirs in zip(rows, whole, strict=True):
        assert mine.cell == theirs.cell
        for name in names:
            assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-7), name
        assert mine.entropy == pytest.approx(theirs.entropy, rel=1e-5)
        assert sorted(mine.class_probability) == pytest.approx(
            sorted(theirs.class_probability), rel=1e-5
        )
    with pytest.raises(ValueError, match="compared without the evidence"):
        gmm.compare(data, [1, 2], evidence=True)


def test_a_fit_begins_where_it_is_told_to(data):
    start = gmm.Parameters(np.full(3, 1 / 3), CENTRES, [np.eye(2)] * 3)
    with workers(1) as cluster, Client(cluster):
        fit = gmm.fit_map(data, MIXTURE, OPTIONS, start=start)
    assert len(fit.final_loss) == 1
    whole = gmm.fit_map(gmm.Dataset.from_values(VALUES), MIXTURE, OPTIONS)
    np.testing.assert_allclose(fit.final_loss[0], whole.final_loss[whole.chosen], rtol=1e-12)


@pytest.mark.parametrize(
    ("D", "apart", "offset", "tolerance"),
    # Numbers of 10^8 are 1.5e-8 apart, and so are the means.
    [(40, 4.0, 0.0, 1e-10), (2, 60.0, 1e8, 3e-7)],
    ids=["forty columns", "far from zero"],
)
def test_the_fit_is_the_exact_one_where_densities_underflow_and_far_from_zero(
    tmp_path, D, apart, offset, tolerance
):
    """Clusters so far apart have no row in common: each component is its cluster's own Gaussian."""
    n = 120
    drawn = np.random.default_rng(2).normal(size=(2 * n, D)) + offset
    drawn[1::2] += apart
    columns = {f"x{d:02}": column for d, column in enumerate(drawn.T)}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet", row_group_size=130)
    data = gmm.read_dataset(str(tmp_path), partitioned=True)
    locs = np.stack([np.full(D, offset), np.full(D, offset + apart)])
    start = gmm.Parameters([0.4, 0.6], locs, [np.eye(D)] * 2)
    mixture = MIXTURE.model_copy(update={"n_components": 2})
    with workers(2) as cluster, Client(cluster, set_as_default=False) as client:
        fit = partitioned.fit(data, mixture, OPTIONS, start=start, client=client)
    found = fit.parameters
    assert fit.verdict.tolist() == ["converged"]
    np.testing.assert_allclose(found.weights, [0.5, 0.5], rtol=1e-12)
    for k in (0, 1):
        mean, covariance = exact_moments(drawn[k::2])
        np.testing.assert_allclose(found.locs[k], mean, atol=tolerance)
        np.testing.assert_allclose(found.covariances[k], covariance, atol=tolerance)
    # Each row lies in one density alone, whose logarithm is that of half a Gaussian's.
    half = [multivariate_normal(*exact_moments(drawn[k::2])) for k in (0, 1)]
    value = sum(one.logpdf(drawn[k::2]).sum() for k, one in enumerate(half)) - 2 * n * np.log(2)
    assert -fit.final_loss[0] == pytest.approx(value, rel=tolerance)


def exact_moments(values):
    """Return mean and covariance, rounded once: sums of fractions are exact."""
    rows = [[Fraction(x) for x in row] for row in values.tolist()]
    n, D = values.shape
    mean = [sum(column) / n for column in zip(*rows, strict=True)]
    away = [[x - m for x, m in zip(row, mean, strict=True)] for row in rows]
    covariance = np.array(
        [[float(sum(row[i] * row[j] for row in away) / n) for j in range(D)] for i in range(D)]
    )
    return np.array([float(m) for m in mean]), covariance


def test_a_run_is_stopped_within_a_pass(data):
    def stop(progress):
        if progress.done > 0:
            raise gmm.Cancelled

    with (
        workers(1) as cluster,
        Client(cluster, set_as_default=False) as client,
        pytest.raises(gmm.Cancelled),
    ):
        partitioned.fit(data, MIXTURE, OPTIONS, start=FAR, client=client, on_progress=stop)


@pytest.mark.parametrize(
    ("n", "memory", "message"),
    [(1, 100_000, "Add workers or memory"), (8, 40_000, "The largest row group takes")],
)
def test_more_than_the_workers_hold_is_refused(data, n, memory, message):
    with (
        workers(n, memory_limit=memory) as cluster,
        Client(cluster, set_as_default=False) as client,
        pytest.raises(ValueError, match=message),
        held(data, client),
    ):
        pass


def test_workers_that_end_again_and_again_are_told_of():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
        pytest.raises(ValueError, match="Workers ended again and again"),
        connected(client) as same,
    ):
        same.submit(os._exit, 1).result()


def test_a_column_without_spread_is_named(tmp_path):
    table = pa.table({"a": VALUES[:50, 0], "b": np.full(50, 3.0)})
    pq.write_table(table, tmp_path / "x.parquet")
    data = gmm.read_dataset(str(tmp_path), partitioned=True)
    with (
        workers(1) as cluster,
        Client(cluster, set_as_default=False) as client,
        pytest.raises(ValueError, match='All 50 values of the column "b" are equal'),
        held(data, client),
    ):
        pass
