"""A whole bootstrap beside scikit-learn's fits to the same number of resampled data sets."""

import time

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

import gmm_core as gmm

FAITHFUL = gmm.example("faithful")
MIXTURE = gmm.Mixture(covariance="full", tied=False, priors=gmm.Priors.flat())
REPLICATES, STARTS = 999, 5


@pytest.mark.filterwarnings("ignore")  # scikit-learn says that some of its fits did not converge
def test_a_bootstrap_beside_scikit_learn(benchmark, report):
    options = gmm.BootstrapOptions(replicates=REPLICATES, starts=STARTS)
    gmm.bootstrap(FAITHFUL, MIXTURE, gmm.BootstrapOptions(replicates=2))  # compiled
    results = []
    benchmark.pedantic(lambda: results.append(gmm.bootstrap(FAITHFUL, MIXTURE, options)), rounds=3)
    ours = benchmark.stats.stats.median
    rng = np.random.default_rng(0)
    N = len(FAITHFUL.values)
    peer = GaussianMixture(2, n_init=STARTS, random_state=0)
    locs = []
    began = time.perf_counter()
    for _ in range(REPLICATES):
        fit = peer.fit(FAITHFUL.values[rng.integers(N, size=N)])
        locs.append(np.sort(fit.means_[:, 0]))
    theirs = time.perf_counter() - began
    # The same standard errors, each known to about 1 / sqrt(2 x 999), 2 %.
    errors = np.sort(results[0].draws["locs"][:, :, 0], axis=1).std(axis=0)
    assert errors == pytest.approx(np.std(locs, axis=0), rel=0.15)
    work = f"faithful, K = 2, full: bootstrap of {REPLICATES} × {STARTS} starts"
    report.times(work, ours, theirs, f"GaussianMixture(n_init={STARTS})", 20)
