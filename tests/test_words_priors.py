"""Priors in numbers: the ranges hold 90 % of the belief, in the data's units."""

import gmm_core as gmm
from gmm_core.mixture import Mixture, Priors
from gmm_core.words_priors import prior_rows

TUTORIAL = gmm.example("tutorial")


def test_the_tutorials_priors():
    # Normal(0, 10): 1.645 sd; exp(1.645 * 2) = 26.8.
    assert prior_rows(TUTORIAL, Mixture()) == [
        ("weights", "Dirichlet(0.500)"),
        ("locs", "−16.4 to 16.4"),
        ("standard deviation", "0.0373 to 26.8"),
    ]


def test_every_column_has_its_own_row():
    data = gmm.example("faithful")
    mixture = Mixture(covariance="full", priors=Priors.for_data(data))
    rows = dict(prior_rows(data, mixture))
    assert list(rows)[1:5] == [
        *(f"locs, {name}" for name in data.columns),
        *(f"standard deviation, {name}" for name in data.columns),
    ]
    assert rows["correlations"] == "LKJ(2.00)"


def test_what_is_left_out_says_so():
    rows = prior_rows(TUTORIAL, Mixture(priors=Priors.flat()))
    assert {value for _, value in rows} == {"no prior"}


def test_many_columns_are_cut_short():
    import numpy as np

    data = gmm.Dataset.from_values(np.random.default_rng(0).normal(size=(9, 9)))
    rows = prior_rows(data, Mixture(covariance="diag", priors=Priors.for_data(data)))
    assert rows[-1] == ("and 3 more columns", "alike")
