"""Options hold the tutorial's settings and refuse what cannot run, saying what would."""

import numpy as np
import pytest

import gmm_core as gmm


def test_the_defaults_are_the_tutorials():
    options = gmm.MapOptions()
    assert (options.restarts, options.first_seed, options.steps) == (100, 0, 200)
    assert (options.learning_rate, options.betas) == (0.1, (0.8, 0.99))
    assert (options.start, options.choose, options.polish) == ("subsample", "initial", False)
    guide = gmm.GuideOptions()
    assert (guide.steps, guide.learning_rate, guide.betas) == (200, 0.2, (0.8, 0.99))


@pytest.mark.parametrize(
    ("make", "field", "value", "words"),
    [
        (gmm.MapOptions, "learning_rate", -1, "above 0 was"),
        (gmm.MapOptions, "learning_rate", np.nan, "finite"),
        (gmm.MapOptions, "learning_rate", "fast", "a number was"),
        (gmm.MapOptions, "steps", 10**7, "up to 20,000"),
        (gmm.MapOptions, "steps", 0, "from 1 on"),
        (gmm.MapOptions, "steps", "many", "a whole number"),
        (gmm.MapOptions, "steps", 10.5, "a whole number"),
        (gmm.MapOptions, "restarts", 1001, "up to 1,000"),
        (gmm.MapOptions, "restarts", True, "a whole number"),
        (gmm.MapOptions, "first_seed", -1, "from 0 on"),
        (gmm.MapOptions, "betas", (0.8, 1.0), "below 1 was"),
        (gmm.MapOptions, "betas", (0.8,), "one number more"),
        (gmm.MapOptions, "start", "random", "'subsample', 'kmeans\\+\\+', 'quantile', .*'given'"),
        (gmm.MapOptions, "choose", "best", "'initial' or 'final'"),
        (gmm.MapOptions, "start_scale", 0, "above 0 was"),
        (gmm.MapOptions, "speed", 1, "not known here. MapOptions takes restarts"),
        (gmm.GuideOptions, "steps", 10**7, "up to 20,000"),
        (gmm.NutsOptions, "draws", 0, "from 1 on"),
        (gmm.NutsOptions, "chains", 33, "up to 32"),
        (gmm.NutsOptions, "target_accept", 1.0, "below 1 was"),
        (gmm.NutsOptions, "max_tree_depth", 16, "up to 15"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_limit(make, field, value, words):
    with pytest.raises(ValueError, match=rf"(?s){field}.*{words}"):
        make(**{field: value})


def test_options_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        gmm.MapOptions().steps = 5


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert gmm.MapOptions(steps=np.int64(50)) == gmm.MapOptions(steps=50)
