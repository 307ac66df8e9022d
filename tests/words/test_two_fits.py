"""Two fits side by side: only what differs is listed, and only what can be is compared."""

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.words import two_fits

FAITHFUL = gmm.example("faithful")


def run(data=FAITHFUL, options=None, **mixture):
    fields = {"covariance": "full", "tied": False, "priors": gmm.Priors.flat()} | mixture
    chosen = {"restarts": 3, "choose": "final", "polish": True} | (options or {})
    spec = gmm.Specification(
        dataset=data, mixture=gmm.Mixture(**fields), options=gmm.MapOptions(**chosen)
    )
    return two_fits.Run(spec, gmm.fit_map(data, spec.mixture, spec.options))


@pytest.fixture(scope="module")
def two():
    return run(), run(n_components=3, tied=True)


def test_only_settings_that_differ_are_listed(two):
    assert two_fits.settings_that_differ(*two) == [
        ("components K", "2", "3"),
        ("shared covariance", "no", "yes"),
    ]
    other = run(options={"betas": (0.9, 0.99)}, priors=gmm.Priors.for_data(FAITHFUL))
    rows = two_fits.settings_that_differ(two[0], other)
    assert ("Adam's betas", "0.8000, 0.9900", "0.9000, 0.9900") in rows
    assert ("prior: concentration", "none", "2.000") in rows


def test_measures_are_differenced(two):
    rows = {row[0]: row[1:] for row in two_fits.measures(*two)}
    assert rows["log likelihood"] == ("−1,130.264", "−1,126.316", "+3.948")
    assert rows["parameters p"] == ("11", "11", "+0")
    assert rows["BIC"] == ("2,322.192", "2,314.296", "−7.896")


def test_a_fit_of_transformed_columns_compares_with_one_of_the_table(two):
    # An affine map of all columns has the same optimum, and the same likelihood of the table.
    standard = run(gmm.transformed(FAITHFUL, dict.fromkeys(FAITHFUL.columns, "standardise")))
    rows = {row[0]: row[1:] for row in two_fits.measures(two[0], standard)}
    assert rows["log likelihood"] == ("−1,130.264", "−1,130.264", rows["log likelihood"][2])
    assert float(rows["BIC"][2].replace("−", "-")) == pytest.approx(0, abs=2e-3)
    assert rows["loss"][2] == "–"  # of other numbers
    assert "different data" not in two_fits.answer(two[0], standard)
    settings = {row[0]: row[1:] for row in two_fits.settings_that_differ(two[0], standard)}
    assert "(sd)" in settings["columns"][1]
    other = run(gmm.transformed(FAITHFUL.take(range(200)), {"eruptions": "log"}))
    assert {row[3] for row in two_fits.measures(two[0], other)[:6]} == {"–"}


def test_the_answer_names_the_better_mixture(two):
    sentence = two_fits.answer(*two)
    assert sentence.startswith("K = 3, full, shared has the smaller BIC, by 7.90: strong evidence")
    assert two_fits.answer(two[1], two[0]) == sentence


def test_equal_mixtures_are_compared_by_their_parameters(two):
    again = run(options={"first_seed": 50})
    assert two_fits.answer(two[0], again).startswith("Both found the same optimum")
    strong = gmm.Priors(loc_mean=0.0, loc_scale=1.0, concentration=None, scale_log_sd=None)
    assert two_fits.answer(two[0], run(priors=strong)).startswith("They ended apart")
    names = two_fits.names(two[0], again)
    assert names[0] != names[1]
    assert names[0] == f"run {two[0].spec.id[:8]}"


def test_other_data_are_not_compared(two):
    moved = gmm.Dataset.from_values(FAITHFUL.values + 1, FAITHFUL.columns, "faithful")
    other = run(moved)
    assert not two_fits.same_data(two[0], other)
    assert "different data" in two_fits.answer(two[0], other)
    rows = two_fits.settings_that_differ(two[0], other)
    assert [name for name, _, _ in rows] == ["data's fingerprint"]
    assert {row[3] for row in two_fits.measures(two[0], other)} == {"–", ""}


def test_a_collapsed_fit_has_measures_too():
    data = gmm.example("tutorial")
    every = gmm.fit_map(data, gmm.Mixture(), gmm.MapOptions(choose="final"))
    seed = int(np.flatnonzero(every.verdict == "collapsed")[0])
    fits = [
        run(data, {"restarts": 1, "first_seed": s, "polish": False}, priors=gmm.Priors(),
            covariance="spherical", tied=True)
        for s in (seed, int(every.chosen))
    ]  # fmt: skip
    assert str(fits[0].fit.verdict[0]) == "collapsed"
    rows = {row[0]: row[1:] for row in two_fits.measures(*fits)}
    assert rows["starts agree"] == ("–", "1 of 1", "")
    assert "nan" not in "".join(rows["BIC"])
