"""Effective draws a second: ours and Pyro's on the same warm workers, NumPyro's on the same cores.

Each is four chains of 1,000 draws after 1,000 of warm-up, from asking for them to having them; the
bulk ESS of the log joint over that time, as the median over seeds. NumPyro runs its chains in
parallel, which was quicker here than vectorised, in float64 as we do, from our first start.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from arviz_stats.base import array_stats
from bodies import two_forms

import gmm_core as gmm
from gmm_core.engines.chain_starts import chain_start
from gmm_core.jobs import JobService
from gmm_core.mixture import sites
from gmm_core.posterior.invariants import coclustering

TUTORIAL, FAITHFUL = gmm.example("tutorial"), gmm.example("faithful")
FULL = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.for_data(FAITHFUL))
SEEDS = 5
ROUNDS = 10  # of runs whose populations tell how many draws count: 40, known to a quarter
MANY = 10_000  # draws of a population: they cost little where importance weights do alone
CLOSE = 0.02
REPEATS = 3  # of NumPyro's four chains, a minute or more each, until they are that close
WARMUP = DRAWS = 1000


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    database = f"sqlite:///{tmp_path_factory.mktemp('bench') / 'runs.db'}"
    with JobService(database=database) as service:
        yield service


def rate(service, dataset, mixture, engine, seed, draws=DRAWS):
    """Effective draws a second of one run, and the mean of its log joint."""
    options = gmm.NutsOptions(draws=draws, warmup=WARMUP, seed=seed)
    spec = gmm.Specification(dataset=dataset, mixture=mixture, options=options, engine=engine)
    begin = time.perf_counter()
    run_id = service.submit(spec)
    service.wait(run_id)
    log_joint = service.result(run_id).stats["log_joint"]
    taken = time.perf_counter() - begin
    ess = array_stats.ess(log_joint, chain_axis=0, draw_axis=1, method="bulk")
    return ess / taken, taken, float(log_joint.mean())


def numpyro_runs(dataset, mixture, rounds=SEEDS, *, own_starts=False, coclustering=False):
    """Return what NumPyro's runs of four chains say, the first of which compiles."""
    first = sites(mixture, chain_start(dataset, mixture, 0, 0)[0])
    task = {
        "values": dataset.values.tolist(),
        "n_components": mixture.n_components,
        "priors": mixture.priors.model_dump(),
        "full": mixture.covariance == "full",
        "start": None if own_starts else {name: v.tolist() for name, v in first.items()},
        "coclustering": coclustering,
        "warmup": WARMUP,
        "draws": DRAWS,
        "rounds": rounds,
    }
    peer = Path(__file__).with_name("numpyro_peer.py")
    done = subprocess.run(
        [sys.executable, peer], input=json.dumps(task), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "dataset", "mixture", "least"),
    [
        ("tutorial", TUTORIAL, gmm.Mixture(), {"pyro": 100, "warm": 4, "cold": 8}),
        ("faithful, K = 2, full", FAITHFUL, FULL, {"pyro": 50, "warm": 1.5, "cold": 4}),
    ],
    ids=["tutorial", "faithful"],
)
def test_effective_draws_a_second(benchmark, report, workers, name, dataset, mixture, least):
    for seed in (100, 101):  # both workers have loaded everything
        rate(workers, dataset, mixture, "nutpie", seed)
    rate(workers, dataset, mixture, "pyro", 100, draws=10)
    seeds = iter(range(SEEDS))
    measured = []
    benchmark.pedantic(
        lambda: measured.append(rate(workers, dataset, mixture, "nutpie", next(seeds))),
        rounds=SEEDS,
    )
    ours = median(r for r, _, _ in measured)
    runs = numpyro_runs(dataset, mixture)
    warm = median(run["ess"] / run["seconds"] for run in runs[1:])
    cold = runs[0]["ess"] / runs[0]["seconds"]
    # The slowest comes last, so that what is close in time to ours is what is close in speed.
    theirs, taken, mean = rate(workers, dataset, mixture, "pyro", 0)
    print(
        f"\n{name}: ours {median(t for _, t, _ in measured):.3g} s, Pyro {taken:.3g} s, NumPyro "
        f"{median(run['seconds'] for run in runs[1:]):.3g} s, the first {runs[0]['seconds']:.3g} s"
    )
    # They sample the same posterior.
    means = [m for _, _, m in measured] + [mean] + [run["mean"] for run in runs]
    assert max(means) - min(means) < 2
    work, unit = f"{name}: effective draws a second", "/s"
    failures = []
    for peer, value, key in (
        ("Pyro NUTS, JIT", theirs, "pyro"),
        ("NumPyro, compiled", warm, "warm"),
        ("NumPyro, with compilation", cold, "cold"),
    ):
        try:
            report.row(work, ours, value, peer, ours / value, least[key], unit)
        except AssertionError as error:
            failures.append(str(error))
    assert not failures


def weighed(service, dataset, mixture, seed, draws=DRAWS):
    """Return a posterior whose modes are weighed, and the seconds from asking to having it."""
    options = gmm.SmcOptions(seed=seed, draws=draws)
    spec = gmm.Specification(dataset=dataset, mixture=mixture, options=options, engine="smc")
    begin = time.perf_counter()
    run_id = service.submit(spec)
    service.wait(run_id)
    return service.result(run_id), time.perf_counter() - begin


@pytest.mark.parametrize(
    ("name", "dataset", "mixture", "least"),
    [
        ("tutorial", TUTORIAL, gmm.Mixture(), 20),
        ("faithful, K = 2, full", FAITHFUL, FULL, 100),
    ],
    ids=["tutorial", "faithful"],
)
def test_effective_draws_a_second_of_weighed_modes(
    benchmark, report, workers, name, dataset, mixture, least
):
    # Optima and Hessians are found again for every seed: other priors by a hair are another run.
    def again(seed):
        mean = np.asarray(mixture.priors.loc_mean) + 1e-9 * (seed + 1)
        mean = tuple(np.broadcast_to(mean, D).tolist())
        priors = mixture.priors.model_copy(update={"loc_mean": mean})
        return mixture.model_copy(update={"priors": priors})

    D = dataset.values.shape[1]
    for seed in (100, 101, 102, 103):  # both workers have loaded everything
        weighed(workers, dataset, again(seed), seed, MANY)
    seeds = iter(range(ROUNDS))
    measured = []
    benchmark.pedantic(
        lambda: measured.append(weighed(workers, dataset, again(seed := next(seeds)), seed, MANY)),
        rounds=ROUNDS,
    )
    # Draws of a population hang together in no order that an autocorrelation shows, but populations
    # know nothing of each other: the variance of their means says how many draws count.
    log_joint = np.concatenate([posterior.stats["log_joint"] for posterior, _ in measured])
    effective = log_joint.var() / log_joint.mean(axis=1).var(ddof=1)
    ess = effective * measured[0][0].n_chains
    ours = ess / median(seconds for _, seconds in measured)
    runs = numpyro_runs(dataset, mixture)
    theirs = median(run["ess"] / run["seconds"] for run in runs[1:])
    assert log_joint.mean() == pytest.approx(np.mean([run["mean"] for run in runs]), abs=1)
    work = f"{name}, modes weighed: effective draws a second"
    report.row(work, ours, theirs, "NumPyro, compiled", ours / theirs, least, "/s")


@pytest.mark.parametrize(
    ("name", "dataset", "K"),
    [("two forms of a body, K = 2, full", two_forms(), 2), ("faithful, K = 3, full", FAITHFUL, 3)],
    ids=["two-forms", "faithful"],
)
def test_time_to_who_belongs_with_whom(benchmark, report, workers, name, dataset, K):
    priors = gmm.Priors.for_data(dataset)
    mixture = gmm.Mixture(n_components=K, covariance="full", tied=False, priors=priors)
    options = gmm.SmcOptions(seed=1000, populations=8)
    right = pairs(gmm.sample_posterior(dataset, mixture, options, engine="smc"), dataset)
    for seed in (100, 101, 102, 103):
        weighed(workers, dataset, mixture, seed)
    measured = []
    benchmark.pedantic(
        lambda: measured.append(weighed(workers, dataset, mixture, len(measured))), rounds=SEEDS
    )
    errors = [np.abs(pairs(posterior, dataset) - right).mean() for posterior, _ in measured]
    ours = median(seconds for _, seconds in measured)
    assert max(errors) < CLOSE
    # NumPyro runs four chains again and again, and averages all of them.
    runs = numpyro_runs(dataset, mixture, REPEATS, own_starts=True, coclustering=True)[1:]
    theirs, reached, matrices = 0.0, False, []
    for run in runs:
        theirs += run["seconds"]
        matrices.append(np.array(run["coclustering"]))
        np.fill_diagonal(matrices[-1], 1)  # as ours: a point is with itself
        reached = np.abs(np.mean(matrices, axis=0) - right).mean() < CLOSE
        if reached:
            break
    peer = "NumPyro" if reached else f"NumPyro, not yet after {4 * len(runs)} chains"
    work = f"{name}: time to a mean error of co-clustering < {CLOSE}"
    report.times(work, ours, theirs, peer, 1)


def pairs(posterior, dataset):
    every = posterior.parameters.reshape(-1)
    return coclustering(every[:: max(1, len(every) // 1000)], dataset.values)
