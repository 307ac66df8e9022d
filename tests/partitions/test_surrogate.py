"""A sample that stands in for all rows: the same optimum in few passes, also where it misleads."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.data.pieces import Content
from gmm_core.partitions.ascent import Ascent
from gmm_core.partitions.partition import Partition, moments
from gmm_core.partitions.surrogate import Surrogate

RNG = np.random.default_rng(7)
CENTRES = np.array([[0.0, 0.0], [2.5, 1.0], [0.0, 3.0]])
VALUES = RNG.normal(size=(20_000, 2)) * [1.0, 0.7] + CENTRES[RNG.integers(0, 3, 20_000)]
START = gmm.Parameters(np.full(3, 1 / 3), CENTRES, [np.eye(2)] * 3)


def mixture(covariance="VVV", priors=None, **more):
    priors = gmm.Priors.flat() if priors is None else priors
    return gmm.Mixture(n_components=3, covariance=covariance, tied=None, priors=priors, **more)


def climbed(mixture, values, sample=None, start=None, told=None):
    """EM on all the rows from a point; with a sample it says between passes where that leads.

    `told` is filled with the share of the way that is made after each pass.
    """
    rows = Partition.of(Content(values, np.arange(len(values))))
    leap = None if sample is None else Surrogate(mixture, sample, float(len(values)))
    start = START.reshape(1) if start is None else start
    ascent = Ascent(mixture, start, float(len(values)), 2000, leap)
    while not ascent.over:
        ascent.advance(moments(rows, ascent.points))
        if told is not None:
            told.append(ascent.share)
    assert ascent.verdict[0] == "converged"
    return ascent


def holes(values):
    with_holes = values.copy()
    with_holes[RNG.random(values.shape) < 0.1] = np.nan
    return with_holes[~np.isnan(with_holes).all(axis=1)]


def noisy(values):
    return np.concatenate([values, RNG.uniform(-8, 10, (1000, 2))])


@pytest.mark.parametrize("covariance", ["VVV", "EII", "VEV"])
def test_how_far_it_is_goes_on_with_each_pass_about_as_the_passes_do(covariance):
    shares = []
    far = gmm.Parameters(np.full(3, 1 / 3), CENTRES / 3 + 1, [4 * np.eye(2)] * 3).reshape(1)
    climbed(mixture(covariance), VALUES, start=far, told=shares)
    made = np.arange(1, len(shares) + 1) / len(shares)
    assert len(shares) > 10
    assert np.all(np.diff(shares) > 0)
    assert shares[-1] == 1
    assert np.abs(shares - made).max() < 0.4


@pytest.mark.parametrize(
    ("of", "values"),
    [
        (mixture(), VALUES),
        (mixture("EII"), VALUES),
        (mixture("VEV"), VALUES),
        (mixture(), VALUES * [1e-3, 1e3] + 1e6),
        (mixture(), holes(VALUES)),
        (mixture(priors=gmm.Priors.for_data(gmm.Dataset.from_values(VALUES))), VALUES),
        (mixture(noise=True, noise_box=(18.0, 18.0)), noisy(VALUES)),
    ],
    ids=["full", "ball", "VEV", "units", "holes", "priors", "noise"],
)
def test_the_optimum_is_ems_own_in_far_fewer_passes(of, values):
    scale, shift = ([1e-3, 1e3], 1e6) if np.nanmean(values) > 1e3 else ([1.0, 1.0], 0.0)
    arrays = {
        "weights": START.weights,
        "locs": START.locs * scale + shift,
        "scale_tril": START.scale_tril * np.asarray(scale)[:, None],
    }
    if of.noise:
        arrays |= {"weights": START.weights * 0.9, "noise": 0.1, "box": np.array([18.0, 18.0])}
    start = gmm.Parameters.of(arrays).reshape(1)
    missing = "keep" if np.isnan(values).any() else "refuse"
    # Each row of the sample counts as four: what they count as is not what all rows do.
    sample = gmm.Dataset.from_values(
        values[::8], weights=np.full(len(values[::8]), 4.0), missing=missing
    )
    plain, leaping = climbed(of, values, start=start), climbed(of, values, sample, start)
    np.testing.assert_allclose(leaping.final_loss, plain.final_loss, rtol=1e-12)
    mine, theirs = leaping.ends[0], plain.ends[0]
    np.testing.assert_allclose((mine.locs - theirs.locs) / theirs.scales, 0, atol=1e-4)
    assert leaping.passes <= plain.passes / 2


def test_a_sample_of_something_else_misleads_only_for_some_passes():
    elsewhere = gmm.Dataset.from_values(RNG.standard_t(2, size=(2000, 2)) * 3)
    plain = climbed(mixture(), VALUES)
    misled = climbed(mixture(), VALUES, elsewhere)
    np.testing.assert_allclose(misled.final_loss, plain.final_loss, rtol=1e-10)
    loss = misled.loss[0][np.isfinite(misled.loss[0])]
    assert np.all(np.diff(loss) <= 1e-11 * np.abs(loss[:-1]))


def test_the_best_end_on_the_sample_goes_on():
    sample = gmm.Dataset.from_values(VALUES[::8])
    degenerate = gmm.Parameters(
        np.full(3, 1 / 3), [[0.0, 0.0]] * 3, [np.eye(2)] * 3
    )  # all stay as one
    starts = gmm.Parameters.of(
        {n: np.stack([degenerate.arrays()[n], a]) for n, a in START.arrays().items()}
    )
    best = Surrogate(mixture(), sample, float(len(VALUES))).best(starts)
    alone = climbed(mixture(), VALUES[::8]).ends[0]
    np.testing.assert_allclose(best.locs, alone.locs, atol=0.05)
