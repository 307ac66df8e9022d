"""What it costs data without weights, holes, known classes and noise that the pass knows of them.

Beside the kernel runs one that was made from its source with these branches taken out. The two
take turns, call by call, so that a busy machine slows both, and the ratio is of their medians.
"""

import importlib.util
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.engines import kernel
from gmm_core.engines.problem import Problem
from gmm_core.mixture import sites

MOST = 1.03
TURNS = 400
# What the source asks of the data, and the answer for complete points that count once.
ASKED = {
    "noisy, patterned = W > K, layout[PATTERN_ROW] != 0": "noisy, patterned = False, False",
    "if layout[COMPONENT_ROW] != 0:": "if False:",
    "if layout[WEIGHT_ROW] != 0:": "if False:",
    "if patterned or noisy or layout[WEIGHT_ROW] != 0:": "if False:",
}


@pytest.fixture(scope="module")
def ignorant(tmp_path_factory):
    """The kernel without the branches."""
    source = Path(kernel.__file__).read_text(encoding="utf-8")
    for asks, answer in ASKED.items():
        assert asks in source
        source = source.replace(asks, answer)
    path = tmp_path_factory.mktemp("kernel") / "ignorant_kernel.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("ignorant_kernel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call_of(module, dataset, mixture):
    """One gradient of the same point by a kernel, as a call without arguments; its result."""
    problem = Problem.of(dataset, mixture)
    rng = np.random.default_rng(0)
    K, D = mixture.n_components, dataset.values.shape[1]
    locs = dataset.values[rng.choice(len(dataset.values), K, replace=False)]
    point = gmm.Parameters(np.full(K, 1 / K), locs, np.tile(np.eye(D), (K, 1, 1)))
    q = problem.unconstrain(sites(mixture, point))
    work, gradient = np.empty(problem.work_size), np.empty(problem.size)
    x, numbers, layout = problem.x, problem.numbers, problem.layout

    def call():
        return module.log_joint(q, x, numbers, layout, work, gradient)

    return call, (call(), gradient.copy())


@pytest.mark.parametrize(
    ("N", "D", "K", "covariance"),
    [(100_000, 4, 5, "full"), (100_000, 1, 5, "spherical"), (20, 2, 3, "diag")],
)
def test_the_pass_of_plain_data_beside_one_that_knows_no_other(
    benchmark, report, ignorant, N, D, K, covariance
):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, D)) + 4 * rng.integers(0, 3, (N, 1))
    dataset = gmm.Dataset.from_values(values)
    mixture = gmm.Mixture(n_components=K, covariance=covariance, tied=False)
    ours, computed = call_of(kernel, dataset, mixture)
    theirs, expected = call_of(ignorant, dataset, mixture)
    assert computed[0] == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(computed[1], expected[1], rtol=1e-9, atol=1e-9)
    many = max(1, 2000 // N)  # a clock sees no single call of twenty points
    times = {"ours": [], "theirs": []}

    def timed(call, name):
        begin = perf_counter()
        for _ in range(many):
            call()
        times[name].append((perf_counter() - begin) / many)

    for turn in range(TURNS):
        for call, name in ((ours, "ours"), (theirs, "theirs"))[:: 1 if turn % 2 else -1]:
            timed(call, name)
    benchmark.pedantic(ours, rounds=3)
    ratio = median(a / b for a, b in zip(times["theirs"], times["ours"], strict=True))
    benchmark.extra_info["ratio"] = ratio
    report.row(
        f"{N:,} × {D}, K = {K}, {covariance}: one gradient",
        1e3 * median(times["ours"]),
        1e3 * median(times["theirs"]),
        "a pass that knows no weights, holes, classes and noise",
        ratio,
        1 / MOST,
    )
