"""How near the announced seconds of runs come, over a grid of data and kinds of run."""

import time
from statistics import median

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.comparison import suggestion
from gmm_core.inference import estimate_seconds, n_parts, run_part

SHAPES = [(272, 2), (150, 4), (2_000, 3), (506, 12), (20_000, 4), (100_000, 8)]
NEAR = 1.5


def blobs(N, D):
    """Three groups that overlap."""
    rng = np.random.default_rng(N + D)
    return gmm.Dataset.from_values(
        rng.normal(0, 2, (3, D))[rng.integers(0, 3, N)] + rng.normal(size=(N, D))
    )


def fits(data):
    """Runs whose length is given by their options."""
    for covariance in ("diag", "full"):
        mixture = gmm.Mixture(
            n_components=3, covariance=covariance, tied=False, priors=gmm.Priors.for_data(data)
        )
        options = gmm.MapOptions(restarts=8, steps=50, choose="final")
        yield gmm.Specification(dataset=data, mixture=mixture, options=options)


def ratio(spec):
    """The announced seconds by those that it takes, of processor time."""
    began = time.process_time()
    for part in range(n_parts(spec)):
        run_part(spec, part)
    return estimate_seconds(spec) / (time.process_time() - began)


def print_ratios(label, ratios):
    print(f"\n{label}: " + ", ".join(f"{r:.2f}" for r in ratios) + f"; median {median(ratios):.2f}")
    return ratios


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """What is compiled and loaded before does not count."""
    for spec in (*fits(blobs(50, 2)), suggestion.specification(blobs(50, 2), 2)):
        ratio(spec)


def test_fits_of_given_length(benchmark):
    ratios = print_ratios(
        "announced / taken, fits", [ratio(s) for n in SHAPES for s in fits(blobs(*n))]
    )
    assert 1 / NEAR < median(ratios) < NEAR
    benchmark.pedantic(lambda: None)


def test_sweeps_that_choose_the_first_mixture(benchmark):
    sweeps = [suggestion.specification(blobs(*shape)) for shape in SHAPES]
    ratios = print_ratios("announced / taken, sweeps", [ratio(sweep) for sweep in sweeps])
    # What a climb takes hangs on the data; the median does not.
    assert 1 / NEAR < median(ratios) < NEAR
    benchmark.pedantic(lambda: None)
