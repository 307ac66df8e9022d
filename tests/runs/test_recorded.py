"""The steps of a fit that are kept: all of a small one, of a large one a million of all starts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import gmm_core as gmm
from gmm_core.runs.recorded import (
    CURVE_NUMBERS,
    DRAWN_NUMBERS,
    frame_steps,
    recorded_steps,
    shown_draws,
)


def numbers(most):
    return st.integers(1, most)


@given(R=numbers(1000), T=numbers(20_000), K=numbers(40), D=numbers(100))
@example(R=1000, T=1000, K=2, D=1)
@example(R=1000, T=1001, K=2, D=1)
@example(R=1000, T=20_000, K=2, D=1)
@example(R=51, T=20_000, K=40, D=100)
def test_a_million_losses_are_kept_the_beginning_whole_and_the_end(R, T, K, D):
    options, mixture = gmm.MapOptions(restarts=R, steps=T), gmm.Mixture(n_components=K)
    steps = recorded_steps(mixture, D, options)
    if R * T <= CURVE_NUMBERS:
        np.testing.assert_array_equal(steps, np.arange(T))
        return
    C = len(steps)
    assert R * C <= CURVE_NUMBERS
    assert steps.dtype == np.int64
    assert np.all(np.diff(steps) > 0)
    assert steps[-1] == T - 1
    dense = CURVE_NUMBERS // R // 2
    np.testing.assert_array_equal(steps[:dense], np.arange(dense))
    # The rest are nowhere further apart than evenly spread ones, for which the frames left room.
    room = CURVE_NUMBERS // R - dense - 200
    assert np.diff(steps).max() <= np.ceil((T - dense) / room) + 1
    assert np.isin(frame_steps(mixture, D, T)[:-1], steps).all()


@pytest.mark.parametrize(
    ("K", "D", "options"),
    [
        (2, 1, gmm.NutsOptions()),
        (2, 1, gmm.NutsOptions(draws=20_000, warmup=20_000, chains=32)),
        (10, 10, gmm.NutsOptions(draws=20_000, warmup=0, chains=4)),
        (3, 4, gmm.SmcOptions(draws=20_000, populations=32)),
    ],
)
def test_of_a_sampler_under_way_a_page_holds_a_million_numbers(K, D, options):
    every = shown_draws(K, D, options)
    warmup = getattr(options, "warmup", 0)
    numbers = options.draws * gmm.Parameters.size(K, D) + warmup * K * D
    assert numbers * options.chains <= every * DRAWN_NUMBERS
    assert every == 1 or numbers * options.chains > (every - 1) * DRAWN_NUMBERS
