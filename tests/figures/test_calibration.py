"""The histogram of ranks has the counts, and the band that chance keeps to."""

import numpy as np
from scipy.stats import binom

from gmm_core.figures.calibration import rank_histogram
from gmm_core.posterior.calibration import QUANTITIES, Calibration


def test_bars_count_the_ranks_and_the_band_is_the_binomials():
    ranks = np.tile(np.arange(50.0), (len(QUANTITIES), 4))
    ranks[1] = 49
    ranks[:, 0] = np.nan  # given up
    calibration = Calibration(ranks)
    even = rank_histogram(calibration, QUANTITIES[0])
    assert even.data[0].y.tolist() == [19] + [20] * 9
    low, high = binom.interval(0.99, 199, 0.1)
    assert [shape.y0 for shape in even.layout.shapes] == [low, 19.9, high]
    assert "0 of them lie outside" in even.layout.meta["alt"]
    assert "10 of them lie outside" in rank_histogram(calibration, QUANTITIES[1]).layout.meta["alt"]
    nothing = rank_histogram(Calibration(np.full((len(QUANTITIES), 9), np.nan)), QUANTITIES[0])
    assert nothing.data[0].y.sum() == 0
