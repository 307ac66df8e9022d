"""The examples are what they say, and the generator draws from the mixture it was given."""

from types import SimpleNamespace

import numpy as np
import pytest

from gmm_core.data.examples import describe, example, examples, generate

TWO = SimpleNamespace(
    weights=np.array([0.7, 0.3]),
    locs=np.array([[0.0, 1.0], [10.0, -5.0]]),
    scale_tril=np.array([[[1.0, 0.0], [0.5, 2.0]], [[0.1, 0.0], [0.0, 0.2]]]),
)


def test_the_tutorial_comes_first():
    assert examples()[:4] == ("tutorial", "faithful", "galaxies", "iris")
    assert example("tutorial").values[:, 0].tolist() == [0, 1, 10, 11, 12]
    assert example("tutorial").columns == ("value",)


@pytest.mark.parametrize(
    ("name", "shape", "means"),
    [
        # Means as R 4 gives them for datasets::faithful, MASS::galaxies / 1000, datasets::iris.
        ("faithful", (272, 2), [3.487783, 70.897059]),
        ("galaxies", (82, 1), [20.828171]),
        ("iris", (150, 4), [5.843333, 3.057333, 3.758, 1.199333]),
    ],
)
def test_famous_data_is_complete(name, shape, means):
    dataset = example(name)
    assert dataset.values.shape == shape
    np.testing.assert_allclose(dataset.values.mean(axis=0), means, atol=1e-6)
    assert dataset.name == name


def test_galaxies_keep_the_78th_value_of_most_analyses_and_say_so():
    assert example("galaxies").values[77, 0] == 26.690
    assert "26.690" in describe("galaxies")
    assert "26.960" in describe("galaxies")


def test_the_species_is_no_column_of_iris():
    assert "label" not in example("iris").columns


@pytest.mark.parametrize("name", examples())
def test_every_example_has_a_description_and_is_made_once(name):
    assert describe(name).endswith(".")
    assert example(name) is example(name)
    assert example(name).name == name


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("overlapping", (200, 1)),
        ("unequal", (300, 1)),
        ("three-blobs", (300, 2)),
        ("correlated", (400, 2)),
        ("outlier", (100, 1)),
    ],
)
def test_generated_examples_do_not_hang_on_the_last_bit(name, shape):
    values = example(name).values
    assert values.shape == shape
    np.testing.assert_array_equal(values, values.round(3))


def test_unknown_example_names_the_known_ones():
    with pytest.raises(ValueError, match=r'no example .moons.*"tutorial", "faithful"'):
        example("moons")
    with pytest.raises(ValueError, match="no example"):
        describe("moons")


def test_generate_draws_from_the_mixture():
    N = 20_000
    values = generate(TWO, N, seed=3).values
    first = values[:, 0] < 8
    # Bounds are five standard errors: a wrong generator fails, this seed does not.
    assert abs(first.mean() - 0.7) < 5 * np.sqrt(0.7 * 0.3 / N)
    covariance = TWO.scale_tril[0] @ TWO.scale_tril[0].T
    np.testing.assert_allclose(values[first].mean(axis=0), TWO.locs[0], atol=5 * 2.1 / 118)
    np.testing.assert_allclose(np.cov(values[first].T), covariance, atol=5 * 4.3 * 1.5 / 118)
    np.testing.assert_allclose(values[~first].std(axis=0), [0.1, 0.2], rtol=0.05)


def test_generate_depends_on_the_seed_only():
    assert generate(TWO, 50, seed=1) == generate(TWO, 50, seed=1, name="other")
    assert generate(TWO, 50, seed=1) != generate(TWO, 50, seed=2)


def test_a_component_of_weight_zero_gives_no_points():
    truth = SimpleNamespace(
        weights=[0.0, 1.0, 0.0], locs=[[-99.0], [0.0], [99.0]], scale_tril=[[[1.0]]] * 3
    )
    assert abs(generate(truth, 1000).values).max() < 10


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "5", None, 10**9])
def test_generate_refuses_a_size_that_is_none(n):
    with pytest.raises(ValueError, match=r"whole number from 1|at most 2,000,000"):
        generate(TWO, n)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": [0.7, 0.7]}, "sum to 1"),
        ({"weights": [1.5, -0.5]}, "sum to 1"),
        ({"weights": [1.0]}, "shapes"),
        ({"locs": [[0.0, np.nan], [0.0, 0.0]]}, "not finite"),
        ({"locs": [0.0, 1.0]}, "shapes"),
    ],
)
def test_generate_refuses_parameters_that_are_no_mixture(change, words):
    with pytest.raises(ValueError, match=words):
        generate(SimpleNamespace(**{**vars(TWO), **change}), 10)
    with pytest.raises(ValueError, match="seed"):
        generate(TWO, 10, seed=-1)
