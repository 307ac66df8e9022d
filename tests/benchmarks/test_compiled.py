"""How fast the compiled engines are beside their peers, side by side in one process.

Ours and the peer take turns, so that a busy machine slows both; each row is a ratio of medians.
Run with OMP_NUM_THREADS=1, as `make bench` does: one thread each where the limit is a numpy
function. scikit-learn is needed on top of the app: see requirements.txt beside this file.
"""

import time
from statistics import median

import bare_loop
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

import gmm_core as gmm
from gmm_core.engines import kernel
from gmm_core.engines.problem import Problem
from gmm_core.mixture import sites

TUTORIAL, FAITHFUL = gmm.example("tutorial"), gmm.example("faithful")


def seconds(call):
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def gradient_call(dataset, mixture, seed=0):
    """One gradient at a random point, as a call without arguments."""
    rng = np.random.default_rng(seed)
    K, D = mixture.n_components, dataset.values.shape[1]
    problem = Problem.of(dataset, mixture)
    locs = dataset.values[rng.choice(len(dataset.values), K, replace=False)]
    scale_tril = np.tile(np.diag(dataset.values.std(axis=0)), (K, 1, 1))
    if mixture.covariance == "spherical":
        scale_tril = np.tile(dataset.values.std() * np.eye(D), (K, 1, 1))
    point = gmm.Parameters(np.full(K, 1 / K), locs, scale_tril)
    q = problem.unconstrain(sites(mixture, point))
    work, gradient = np.empty(problem.work_size), np.empty(problem.size)
    x, numbers, layout = problem.x, problem.numbers, problem.layout

    def call():
        return kernel.log_joint(q, x, numbers, layout, work, gradient)

    call()
    return call


def normal_data(N, D):
    rng = np.random.default_rng(0)
    return gmm.Dataset.from_values(rng.normal(size=(N, D)) + 4 * rng.integers(0, 3, (N, 1)))


@pytest.mark.filterwarnings("ignore")
def test_every_restart_of_the_tutorial_beside_its_own_loop(benchmark, report):
    options = gmm.MapOptions(restarts=100, steps=200, choose="final")
    loop = [100 * seconds(lambda s=s: bare_loop.svi(s, 200))[0] for s in (13, 1, 2)]
    benchmark.pedantic(
        lambda: gmm.fit_map(TUTORIAL, gmm.Mixture(), options), rounds=15, warmup_rounds=2
    )
    report.times(
        "tutorial, 100 restarts × 200 steps",
        benchmark.stats.stats.median,
        median(loop),
        "the tutorial's Pyro loop for every seed (from three)",
        5_000,
    )


@pytest.mark.filterwarnings("ignore")
def test_restarts_to_convergence_beside_scikit_learn(benchmark, report):
    # Both without a prior; theirs adds 1e-6 to each variance.
    mixture = gmm.Mixture(n_components=3, covariance="full", tied=False, priors=gmm.Priors.flat())
    options = gmm.MapOptions(restarts=100, steps=60, choose="final", polish=True)

    def theirs():
        return GaussianMixture(
            3, n_init=100, init_params="random_from_data", tol=1e-6, max_iter=1000, random_state=0
        ).fit(FAITHFUL.values)

    taken = [seconds(theirs) for _ in range(3)]
    fit = benchmark.pedantic(
        lambda: gmm.fit_map(FAITHFUL, mixture, options), rounds=5, warmup_rounds=1
    )
    best = -taken[0][1].score(FAITHFUL.values) * len(FAITHFUL.values)
    print(f"\nbest loss: ours {fit.final_loss[fit.chosen]:.4f}, scikit-learn {best:.4f}")
    assert fit.final_loss[fit.chosen] <= best + 1e-3
    report.times(
        "faithful, K = 3, full, 100 restarts to convergence",
        benchmark.stats.stats.median,
        median(t for t, _ in taken),
        "scikit-learn, `n_init=100`",
        5,
    )


def test_a_gradient_beside_an_iteration_of_em(benchmark, report):
    dataset = normal_data(100_000, 4)
    mixture = gmm.Mixture(n_components=5, covariance="full", tied=False)
    theirs = GaussianMixture(5).fit(dataset.values[:1000])

    def iteration():
        _, log_r = theirs._e_step(dataset.values)
        theirs._m_step(dataset.values, log_r)

    taken = [seconds(iteration)[0] for _ in range(7)]
    benchmark.pedantic(gradient_call(dataset, mixture), rounds=15)
    report.times(
        "10⁵ × 4, K = 5, full: one gradient",
        benchmark.stats.stats.median,
        median(taken),
        "one EM iteration of scikit-learn",
        5,
    )


def test_a_gradient_beside_the_exponentials_alone(benchmark, report):
    exponents = np.random.default_rng(0).normal(size=(1_000_000, 5))
    taken = [seconds(lambda: np.exp(exponents))[0] for _ in range(9)]
    benchmark.pedantic(
        gradient_call(normal_data(1_000_000, 1), gmm.Mixture(n_components=5)), rounds=9
    )
    report.times(
        "10⁶ × 1, K = 5: one gradient",
        benchmark.stats.stats.median,
        median(taken),
        "`numpy.exp` over 10⁶ × 5, the limit",
        0.5,
    )
    place = np.empty_like(exponents)
    again = median(seconds(lambda: np.exp(exponents, out=place))[0] for _ in range(9))
    print(f"numpy.exp into memory that is there: {1e3 * again:.4g} ms")


@pytest.mark.parametrize(
    ("axis", "sizes"),
    [
        ("N", [(10**n, 3, 4) for n in (3, 4, 5, 6)]),
        ("K", [(20_000, 3, k) for k in (2, 4, 8, 16, 32)]),
        ("D", [(10_000, d, 4) for d in (1, 2, 4, 8, 16)]),
    ],
)
def test_cost_grows_as_the_arithmetic_does(benchmark, report, axis, sizes):
    times = []
    for N, D, K in sizes:
        mixture = gmm.Mixture(n_components=K, covariance="full", tied=False)
        call = gradient_call(normal_data(N, D), mixture)
        times.append(median(seconds(call)[0] for _ in range(9)))
        print(f"\n| N = {N}, D = {D}, K = {K} | {1e3 * times[-1]:.4g} ms |", end="")
    benchmark.pedantic(call, rounds=3)
    span = np.log(sizes[-1]["NDK".index(axis)] / sizes[0]["NDK".index(axis)])
    power = np.log(times[-1] / times[0]) / span
    print(f"\n{axis}: cost grows as {axis}^{power:.2f}")
    report.sizes[axis] = (
        [(size["NDK".index(axis)], t) for size, t in zip(sizes, times, strict=True)],
        power,
    )
    assert power < {"N": 1.1, "K": 1.15, "D": 2.1}[axis]
