"""Chains that stay apart are told apart, named, and never averaged with the others."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.posterior.chain_groups import chain_groups
from gmm_core.words.chain_groups import apart_advice, apart_words, of_which

RNG = np.random.default_rng(0)
DATA = gmm.example("tutorial")
SOUND = gmm.Parameters([0.6, 0.4], [[11.0], [0.5]], [[[0.7]], [[0.7]]])
EMPTY = gmm.Parameters([0.999, 0.001], [[6.8], [40.0]], [[[5.0]], [[5.0]]])


def posterior(heights, points, spread=1.0, draws=50):
    """Chains at these log joints, each of draws of one point."""
    stacked = {
        name: np.repeat(
            np.stack([getattr(point, name) for point in points])[:, None], draws, axis=1
        )
        for name in ("weights", "locs", "scale_tril")
    }
    log_joint = np.array(heights)[:, None] + spread * RNG.normal(size=(len(heights), draws))
    return gmm.Posterior(stacked, {"log_joint": log_joint, "step_size": np.ones(len(heights))})


def test_chains_that_began_where_a_component_is_empty_are_set_aside():
    stuck = posterior([-1594, -1734, -1595, -1735], [SOUND, EMPTY, SOUND, EMPTY])
    groups = chain_groups(DATA, stuck)
    assert (groups.together, groups.apart, groups.empty) == ((0, 2), (1, 3), True)
    assert groups.gap == pytest.approx(140, abs=2)
    words = apart_words(groups)
    assert words.startswith("Not usable together: chains 2 and 4 stayed where a component is empty")
    assert "What follows is of chains 1 and 3 alone" in words
    assert "More draws do not help" in apart_advice(groups)
    assert of_which(groups) == "This is of chains 1 and 3 alone; chains 2 and 4 are set aside."


def test_another_mode_is_not_called_an_empty_component():
    groups = chain_groups(DATA, posterior([-20, -60], [SOUND, SOUND]))
    assert (groups.apart, groups.empty) == ((1,), False)
    assert "chain 2 stayed in another mode" in apart_words(groups)


@pytest.mark.parametrize(
    ("heights", "spread"),
    [([-20, -20.5, -19.7, -20.2], 1.0), ([-20, -24], 2.0), ([-20, -23], 1.0)],
)
def test_chains_that_meet_are_not_set_apart(heights, spread):
    groups = chain_groups(DATA, posterior(heights, [SOUND] * len(heights), spread))
    assert groups.apart == ()
    assert groups.together == tuple(range(len(heights)))
    assert apart_words(groups) == of_which(groups) == ""


def test_real_chains_of_the_tutorial_lie_together():
    options = gmm.NutsOptions(draws=100, warmup=150, chains=4)
    assert chain_groups(DATA, gmm.sample_posterior(DATA, gmm.Mixture(), options)).apart == ()


def test_some_chains_can_be_taken_by_themselves():
    two = posterior([-1, -2, -3], [SOUND, EMPTY, SOUND]).of_chains([0, 2])
    assert two.n_chains == 2
    assert two.stats["step_size"].shape == (2,)
    np.testing.assert_array_equal(two.draws["locs"][1, 0], SOUND.locs)
