"""Priors in numbers: the ranges hold 90 % of the belief, in the data's units."""

import gmm_core as gmm
from gmm_core.mixture import Mixture, Priors
from gmm_core.words.priors import prior_rows

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


def test_conjugate_ranges_hold_90_percent_of_draws():

    from gmm_core.formatting import number
    from gmm_core.mixture import prior_draws

    data = gmm.example("faithful")
    for covariance in ("full", "diag", "spherical"):
        mixture = Mixture(covariance=covariance, tied=False, priors=Priors.conjugate(data))
        rows = dict(prior_rows(data, mixture))
        points = prior_draws(mixture, 2, 40_000, seed=1)
        loc, scale = points.locs[:, 0, 1], points.scales[:, 0, 1]
        what = "standard deviation"
        what += "" if covariance == "spherical" else ", waiting"
        for draws, row in ((loc, "locs, waiting"), (scale, what)):
            ends = [float(end.replace("−", "-")) for end in rows[row].split(" to ")]
            inside = (draws > ends[0]) & (draws < ends[1])
            assert abs(inside.mean() - 0.9) < 0.01, (covariance, row, number(ends[0]))


def test_a_prior_without_a_known_integral_is_named():
    data = gmm.example("faithful")
    mixture = Mixture(covariance="VEV", tied=None, priors=Priors.conjugate(data))
    rows = dict(prior_rows(data, mixture))
    assert rows["locs, waiting"] == "Normal(70.9, covariance / 0.0100)"
