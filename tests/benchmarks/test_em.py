"""How fast EM from a hundred starts is beside scikit-learn's, on ten sets and one thread each."""

import os
import time
from statistics import median

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

import gmm_core as gmm

STARTS = 100
FAMILIES = {
    "spherical": ("spherical", False),
    "diag": ("diag", False),
    "full": ("full", False),
    "tied": ("full", True),
}


def blobs(N, D, K, apart, seed):
    """Gaussians of unlike size whose centres are `apart` of their spread from one another."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, apart, (K, D))
    mix = rng.normal(size=(K, D, D)) / np.sqrt(D) + np.eye(D)
    which = rng.choice(K, N, p=rng.dirichlet(np.full(K, 5.0)))
    return centres[which] + np.einsum("nij,nj->ni", mix[which], rng.normal(size=(N, D)))


def sets():
    """Ten sets: the values, and K."""
    return {
        "faithful": (gmm.example("faithful").values, 3),
        "iris": (gmm.example("iris").values, 3),
        "galaxies": (gmm.example("galaxies").values, 2),
        "wine, 5 components": (PCA(5, whiten=True).fit_transform(load_wine().data), 3),
        "breast cancer, 10 columns": (load_breast_cancer().data[:, :10], 2),
        "digits, 4 components": (PCA(4).fit_transform(load_digits().data), 5),
        "500 × 2, K = 4, close": (blobs(500, 2, 4, 2.0, 1), 4),
        "1000 × 1, K = 3": (blobs(1000, 1, 3, 4.0, 2), 3),
        "2000 × 3, K = 5": (blobs(2000, 3, 5, 3.0, 3), 5),
        "1000 × 10, K = 4": (blobs(1000, 10, 4, 2.0, 4), 4),
    }


@pytest.fixture
def one_core():
    """Our threads take no more cores than there are: one, as scikit-learn by OMP_NUM_THREADS."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.filterwarnings("ignore")  # scikit-learn says that some of its fits did not converge
def test_a_hundred_starts_beside_scikit_learn(benchmark, report, one_core):
    ratios, lower = [], []
    took = {"ours": 0.0, "theirs": 0.0}
    for name, (values, K) in sets().items():
        data = gmm.Dataset.from_values(values)
        for theirs, (covariance, tied) in FAMILIES.items():
            mixture = gmm.Mixture(
                n_components=K, covariance=covariance, tied=tied, priors=gmm.Priors.flat()
            )
            options = gmm.MapOptions(restarts=STARTS, steps=500, choose="final", method="em")
            gmm.fit_map(data, mixture, options.model_copy(update={"restarts": 2}))  # compiled
            peer = GaussianMixture(
                K, covariance_type=theirs, tol=1e-6, max_iter=1000, n_init=STARTS, random_state=0
            )
            began = time.perf_counter()
            fit = gmm.fit_map(data, mixture, options)
            middle = time.perf_counter()
            peer.fit(values)
            end = time.perf_counter()
            ours, other = middle - began, end - middle
            took["ours"] += ours
            took["theirs"] += other
            ratios.append(other / ours)
            best = np.where(fit.verdict == "converged", -fit.final_loss, -np.inf).max()
            gap = best - peer.score(values) * len(values)
            print(
                f"{name}, {theirs}: {ours:.3f} s, {other:.2f} s, {other / ours:.0f} x, {gap:+.4f}"
            )
            if gap < -1e-3:
                lower.append((name, theirs, gap))
    benchmark.pedantic(lambda: None, rounds=1)
    assert not lower
    work = f"{STARTS} starts of EM, four covariances, ten sets"
    n = len(ratios)
    times = took["ours"] / n, took["theirs"] / n
    peer_name = f"GaussianMixture(n_init={STARTS}, tol=1e-6)"
    report.row(f"{work}: median", 1e3 * times[0], 1e3 * times[1], peer_name, median(ratios), 12)
    report.row(f"{work}: smallest", 1e3 * times[0], 1e3 * times[1], peer_name, min(ratios), 3)
