"""A chain's mode has the weight that draws of the whole posterior give it."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.posterior.chain_groups import ChainGroups
from gmm_core.posterior.mode_weights import Misled, most_misled, seen_by_chains
from gmm_core.words.chain_groups import weighed_instead

DATA = gmm.example("tutorial")
RNG = np.random.default_rng(2)
APART = gmm.Parameters([0.6, 0.4], [[11.0], [0.5]], [[[0.7]], [[0.7]]])
TOGETHER = gmm.Parameters([0.999, 0.001], [[6.8], [40.0]], [[[5.0]], [[5.0]]])


def draws(points, chains, log_joint):
    """Draws near one of two points each, with labels in either order."""
    base = {n: np.stack([getattr(p, n) for p in points]) for n in ("weights", "locs", "scale_tril")}
    flip = RNG.random(len(points)) < 0.5
    locs = base["locs"] + 0.1 * RNG.normal(size=base["locs"].shape)
    arrays = base | {"locs": locs}
    for name, array in arrays.items():
        array = array.copy()
        array[flip] = array[flip][:, ::-1]
        arrays[name] = array.reshape(chains, -1, *array.shape[1:])
    height = np.array(log_joint, dtype=float) + 0.1 * RNG.normal(size=len(points))
    return gmm.Posterior(arrays, {"log_joint": height.reshape(chains, -1)})


def two_modes():
    """A posterior of which 70 % lie in one mode, and three chains, two of them in the other."""
    weighed = draws([APART] * 700 + [TOGETHER] * 300, 1, [-10] * 700 + [-20] * 300)
    chains = draws([APART] * 500 + [TOGETHER] * 1000, 3, [-10] * 500 + [-20] * 1000)
    return chains, weighed


def test_chains_have_seen_the_share_of_their_mode_whatever_their_labels():
    chains, weighed = two_modes()
    seen = seen_by_chains(DATA, chains, weighed)
    assert seen == pytest.approx([0.7, 0.3, 0.3], abs=0.01)


def test_a_mode_without_weight_has_none():
    chains, weighed = two_modes()
    only = gmm.Posterior(
        {name: array[:, :700] for name, array in weighed.draws.items()},
        {name: array[:, :700] for name, array in weighed.stats.items()},
    )
    assert seen_by_chains(DATA, chains, only) == pytest.approx([1, 0, 0], abs=0.01)


def test_the_pair_that_the_chains_would_have_misled_about():
    chains, _ = two_modes()
    # Apart, the points 0 and 10 are never together, and together always.
    together = np.array([[1.0, 0.3], [0.3, 1.0]])
    pair = most_misled(DATA, np.array([4, 0]), chains, together)
    assert pair.rows == (0, 4)
    assert pair.averaged == pytest.approx(2 / 3, abs=0.01)
    assert pair.weighed == 0.3


def test_words_name_the_chains_with_their_weight_and_what_they_would_have_said():
    stuck = ChainGroups((0, 2), (1, 3), 140.0, True)
    words = weighed_instead(stuck, [0.98, 0, 1, 0], 4000, Misled((2, 16), 0.75, 0.99))
    assert "Chains 2 and 4 stayed where a component is empty, in a mode that holds" in words
    assert "less than 0.03 % of the posterior" in words
    assert "4,000 draws in which every mode has its own weight" in words
    assert "rows 3 and 17 together with probability 0.75 instead of 0.99" in words
    sentences = weighed_instead(stuck, [0.98, 0, 1, 0], 4000, Misled((2, 16), 0.75, 0.99), added=1)
    assert "The chains found a mode that the search had not, and it is among them." in sentences
    compete = weighed_instead(ChainGroups((0, 1), ()), [0.7, 0.3], 4000, Misled((0, 1), 0.5, 0.5))
    assert "They lay where 70 %, 30 % of the posterior is: modes compete" in compete
    assert "Averaged" not in compete
    everywhere = weighed_instead(
        ChainGroups((0, 1), ()), [1, 0.995], 4000, Misled((0, 1), 0.5, 0.5)
    )
    assert "Each went over nearly all of the posterior, but weighed" in everywhere
    assert "modes compete" not in everywhere
