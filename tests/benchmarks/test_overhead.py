"""What our engine costs on top of a bare Pyro loop: per SVI step and per draw of NUTS.

Both do the same work, curve for curve and draw for draw, and take turns in one process, so that
a busy machine slows both. The engine is watched, as it is on a page.
"""

from statistics import median
from time import perf_counter

import bare_loop
import numpy as np
import pytest

import gmm_core as gmm

DATA = gmm.example("tutorial")
ROUNDS = 7
STEPS, WARMUP, DRAWS = 200, 50, 100
LIMIT = 1.10


def watch(progress):
    assert progress.done <= progress.total


def our_svi():
    options = gmm.MapOptions(restarts=1, first_seed=13, steps=STEPS)
    return gmm.fit_map(DATA, gmm.Mixture(), options, on_progress=watch, engine="pyro").loss[0]


def our_nuts():
    options = gmm.NutsOptions(draws=DRAWS, warmup=WARMUP, chains=1, seed=2)
    posterior = gmm.sample_posterior(DATA, gmm.Mixture(), options, on_progress=watch, engine="pyro")
    return posterior.draws["locs"][0, :, :, 0]


@pytest.mark.filterwarnings("ignore")  # the bare loop's: torch.jit is deprecated, and traces
@pytest.mark.parametrize(
    ("what", "ours", "bare", "count"),
    [
        ("SVI step", our_svi, lambda: bare_loop.svi(13, STEPS), STEPS),
        ("NUTS draw", our_nuts, lambda: bare_loop.nuts(2, WARMUP, DRAWS), WARMUP + DRAWS),
    ],
    ids=["svi", "nuts"],
)
def test_overhead_over_the_bare_loop(benchmark, report, what, ours, bare, count):
    np.testing.assert_allclose(ours(), bare(), rtol=1e-6)
    bare_times = []

    def take_turns():
        begin = perf_counter()
        bare()
        bare_times.append((perf_counter() - begin) / count)

    benchmark.pedantic(ours, setup=take_turns, rounds=ROUNDS, warmup_rounds=1)
    mine, theirs = benchmark.stats.stats.median / count, median(bare_times)
    benchmark.extra_info |= {"ours_ms": 1e3 * mine, "bare_ms": 1e3 * theirs}
    report.times(f"Pyro engine, one {what}, watched", mine, theirs, "the bare Pyro loop", 1 / LIMIT)
