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
        (gmm.MapOptions, "learning_rate", -1, "greater than 0"),
        (gmm.MapOptions, "learning_rate", np.nan, "finite"),
        (gmm.MapOptions, "learning_rate", "fast", "valid number"),
        (gmm.MapOptions, "steps", 10**7, "less than or equal to 20000"),
        (gmm.MapOptions, "steps", 0, "greater than or equal to 1"),
        (gmm.MapOptions, "steps", "many", "valid integer"),
        (gmm.MapOptions, "steps", 10.5, "valid integer"),
        (gmm.MapOptions, "restarts", 1001, "less than or equal to 1000"),
        (gmm.MapOptions, "restarts", True, "valid integer"),
        (gmm.MapOptions, "first_seed", -1, "greater than or equal to 0"),
        (gmm.MapOptions, "betas", (0.8, 1.0), "less than 1"),
        (gmm.MapOptions, "betas", (0.8,), "missing|required"),
        (gmm.MapOptions, "start", "random", "'subsample', 'kmeans\\+\\+' or 'quantile'"),
        (gmm.MapOptions, "choose", "best", "'initial' or 'final'"),
        (gmm.MapOptions, "start_scale", 0, "greater than 0"),
        (gmm.MapOptions, "speed", 1, "not permitted"),
        (gmm.GuideOptions, "steps", 10**7, "less than or equal to 20000"),
        (gmm.NutsOptions, "draws", 0, "greater than or equal to 1"),
        (gmm.NutsOptions, "chains", 33, "less than or equal to 32"),
        (gmm.NutsOptions, "target_accept", 1.0, "less than 1"),
        (gmm.NutsOptions, "max_tree_depth", 16, "less than or equal to 15"),
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
