"""Data in partitions beside Spark MLlib and scikit-learn: an iteration of EM, and a whole fit.

The three read the same Parquet files and begin at the same point, which is Spark's own; after as
many iterations they have the same log likelihood. Each has two cores: ours as two workers, Spark as
`local[2]`, scikit-learn as two threads. An iteration is what many of them take longer than a few,
so that nobody's start counts, by the clock and in seconds of processors, which are nearly the same
whatever else the machine does; a whole fit goes from the files to where the program ends by itself.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

import gmm_core as gmm
from gmm_core.engines.maximise import MStep
from gmm_core.partitions.held import held
from gmm_core.runs.progress import Progress

D, K = 4, 5
FILES = 8
CORES = 2
MEMORY = "8g"  # of Spark, which keeps the rows as objects
FEW, SOME = 2, 12  # iterations; scikit-learn's take long, and are as long as each other
MIXTURE = gmm.Mixture(n_components=K, covariance="VVV", tied=None, priors=gmm.Priors.flat())


def write(n, folder):
    """Write n rows of five Gaussians that overlap, each turned its own way."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 2, (K, D))
    turns = rng.normal(size=(K, D, D)) / np.sqrt(D) + np.eye(D)
    for i in range(FILES):
        which = rng.integers(0, K, n // FILES)
        x = centres[which] + np.einsum("nij,nj->ni", turns[which], rng.normal(size=(len(which), D)))
        table = pa.table({f"x{d + 1}": x[:, d] for d in range(D)})
        pq.write_table(table, folder / f"{i}.parquet", row_group_size=len(x))


def spark(folder):
    """Return what Spark's process says."""
    if shutil.which("java") is None:
        pytest.fail("Spark needs Java 17 or newer. On Debian: apt install openjdk-17-jre-headless")
    task = {
        "folder": str(folder),
        "part": str(folder / "0.parquet"),
        "n_components": K,
        "cores": CORES,
        "memory": MEMORY,
        "few": FEW,
    }
    peer = Path(__file__).with_name("spark_peer.py")
    done = subprocess.run(
        [sys.executable, peer], input=json.dumps(task), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def one_more(run, many):
    """Return the seconds of an iteration [2], and the log likelihood at the last of many."""
    taken = []
    for n in (FEW, many):
        begin = now()
        found = run(n)
        taken.append(now() - begin)
    return (taken[1] - taken[0]) / (many - FEW), found


def now():
    """Return the seconds of the clock, and those that processors have worked, workers' included."""
    me = psutil.Process()
    worked = sum(sum(each.cpu_times()[:2]) for each in (me, *me.children(recursive=True)))
    return np.array([time.perf_counter(), worked])


def our_iterations(rows, start):
    """Return a function that makes some iterations over rows that workers hold."""
    m_step = MStep(MIXTURE, D, start[0])

    def run(n):
        point = start
        for _ in range(n):
            found = rows.moments(point, False, Progress(0, 1), None)
            weights, locs, covariances = m_step(
                found.counts, found.means, found.scatter, point.scale_tril
            )
            point = gmm.Parameters(weights, locs, np.linalg.cholesky(covariances))
        return found.value[0]

    return run


def their_iterations(values, start):
    """Return a function that has scikit-learn make them, without what it adds to variances."""

    def run(n):
        with threadpool_limits(CORES):
            fit = GaussianMixture(
                K,
                max_iter=n,
                tol=0.0,
                reg_covar=0.0,
                weights_init=start.weights[0],
                means_init=start.locs[0],
                precisions_init=np.linalg.inv(start.covariances[0]),
            ).fit(values)
        return fit.lower_bound_ * len(values)

    return run


@pytest.mark.filterwarnings("ignore")  # scikit-learn says that it did not converge, as it may not
@pytest.mark.parametrize(("n", "name"), [(10**6, "10⁶"), (10**7, "10⁷")], ids=["1e6", "1e7"])
def test_partitions_beside_spark_and_scikit_learn(benchmark, partitioned_report, tmp_path, n, name):
    write(n, tmp_path)
    peer = spark(tmp_path)
    factors = np.linalg.cholesky(np.array(peer["covariances"]))
    start = gmm.Parameters(peer["weights"], peer["locs"], factors).reshape(1)
    cluster = LocalCluster(
        n_workers=CORES, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0
    )
    with cluster, Client(cluster) as client:

        def whole():
            return gmm.fit_map(gmm.read_dataset(str(tmp_path), partitioned=True), MIXTURE)

        with held(gmm.read_dataset(str(tmp_path), partitioned=True), client) as rows:
            run = our_iterations(rows, start)
            after_some = run(SOME)  # compiled, or read
            iteration, after_all = one_more(run, peer["iterations"])
        whole()
        fit = benchmark.pedantic(whole, rounds=1)
    ours = benchmark.stats.stats.median
    values = np.column_stack([column.to_numpy() for column in pq.read_table(tmp_path).columns])
    other, theirs_after_some = one_more(their_iterations(values, start), SOME)
    found = -fit.final_loss[fit.chosen]
    print(
        f"\n{n:,} rows: log likelihood {found:.3f} in {ours:.2f} s, Spark "
        f"{peer['log_likelihood']:.3f} in {peer['whole']:.1f} s, {peer['iterations']} iterations "
        f"(ours {after_all:.3f}); after {SOME} scikit-learn {theirs_after_some:.3f}, ours "
        f"{after_some:.3f}"
    )
    report, failures = partitioned_report, []
    of, mllib = f"{name} × {D}, K = {K}, full", f"Spark MLlib, `local[{CORES}]`"
    iterations = f"{of}: an iteration", f"{of}: an iteration, processors' time"
    for work, mine, theirs, who, least in (
        *zip(iterations, iteration, peer["iteration"], (mllib,) * 2, (10, 10), strict=True),
        *zip(iterations, iteration, other, ("scikit-learn",) * 2, (10, 10), strict=True),
        (f"{of}: a whole fit", ours, peer["whole"], f"{mllib}, to no higher log likelihood", 20),
    ):
        try:
            report.times(work, mine, theirs, who, least)
        except AssertionError as error:
            failures.append(str(error))
    assert after_some == pytest.approx(theirs_after_some, rel=1e-9)
    assert after_all == pytest.approx(peer["log_likelihood"], rel=1e-7)
    assert found >= peer["log_likelihood"]
    assert not failures
