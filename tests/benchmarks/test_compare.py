"""How fast a sweep over K and covariances is, per mixture, beside scikit-learn's."""

import time
from statistics import median

import pytest
from sklearn.mixture import GaussianMixture

import gmm_core as gmm

FAITHFUL = gmm.example("faithful")
RANGE = range(1, 10)
THEIRS = {
    "spherical": ("spherical", False),
    "diag": ("diag", False),
    "full": ("full", False),
    "tied": ("full", True),
}


@pytest.mark.filterwarnings("ignore")  # scikit-learn says that some of its fits did not converge
def test_a_sweep_beside_scikit_learn_per_mixture(benchmark, report):
    def sweep():
        """Fit four covariances over K, with scikit-learn's own settings but for the starts."""
        return {
            (K, *ours): GaussianMixture(K, covariance_type=name, n_init=20, random_state=0).fit(
                FAITHFUL.values
            )
            for name, ours in THEIRS.items()
            for K in RANGE
        }

    gmm.compare(FAITHFUL, 1, "full", restarts=1)  # compiled by now
    taken = []
    for _ in range(3):  # in turns, so that a busy machine slows both
        began = time.perf_counter()
        rows = gmm.compare(FAITHFUL, RANGE, restarts=20)
        middle = time.perf_counter()
        fits = sweep()
        taken.append((middle - began, time.perf_counter() - middle))
    ours = median(a for a, _ in taken) / len(rows)
    theirs = median(b for _, b in taken) / len(fits)
    benchmark.pedantic(lambda: gmm.compare(FAITHFUL, RANGE, restarts=20), rounds=1)
    by_cell = {row.cell: row for row in rows}
    better = sum(
        by_cell[cell].log_likelihood > fit.score(FAITHFUL.values) * len(FAITHFUL.values) + 1e-3
        for cell, fit in fits.items()
    )
    worse = sum(
        by_cell[cell].log_likelihood < fit.score(FAITHFUL.values) * len(FAITHFUL.values) - 1e-3
        for cell, fit in fits.items()
    )
    print(f"\nlog likelihood better in {better}, worse in {worse} of {len(fits)} mixtures")
    assert by_cell[2, "full", False].log_likelihood == pytest.approx(-1130.264, abs=1e-3)
    report.times(
        "faithful, K = 1..9, 6 covariances, 20 restarts: a mixture",
        ours,
        theirs,
        "GaussianMixture(n_init=20), 4 covariances",
        1,
    )
