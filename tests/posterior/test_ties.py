"""A mode on equal values is found, as what it is, where priors allow it, and nowhere else."""

import pytest

import gmm_core as gmm
from gmm_core.engines.modes import distinct_optima, on_equal_values
from gmm_core.posterior.ties import TiedMode, tied_mode
from gmm_core.words.robustness import tied_words

PETALS = gmm.example("iris").select("Petal.Width")
FEW = gmm.SmcOptions(draws=100, populations=2)


def sampled(data, priors, **mixture):
    mixture = gmm.Mixture(tied=False, priors=priors, **mixture)
    return data, mixture, gmm.sample_posterior(data, mixture, FEW, engine="smc")


def test_the_29_flowers_of_one_width_hold_the_posterior_under_priors_from_the_data():
    data, mixture, posterior = sampled(PETALS, gmm.Priors.for_data(PETALS))
    mode = tied_mode(data, mixture, posterior)
    assert mode is not None
    assert (mode.column, mode.value, mode.copies) == ("Petal.Width", 0.2, 29)
    # The best scale in closed form: 29 (log s - loc's own) against ((log s - a) / b)^2 / 2. The
    # height that a search of the joint finds is 361 above; widths take some of that.
    assert 200 < mode.gain < 361


def test_conjugate_priors_have_no_such_mode():
    assert tied_mode(*sampled(PETALS, gmm.Priors.conjugate(PETALS))) is None


@pytest.mark.parametrize("name", ["faithful", "galaxies", "tutorial"])
def test_values_that_are_no_more_equal_than_measures_are_have_none(name):
    data = gmm.example(name)
    assert tied_mode(*sampled(data, gmm.Priors.for_data(data), covariance="diag")) is None


def test_a_shared_scale_cannot_shrink_onto_some():
    mixture = gmm.Mixture(priors=gmm.Priors.for_data(PETALS))
    posterior = gmm.sample_posterior(PETALS, mixture, FEW, engine="smc")
    assert tied_mode(PETALS, mixture, posterior) is None


def test_words_say_what_it_is_and_what_helps():
    words = tied_words(TiedMode("Petal.Width", 0.2, 29, 305.4))
    assert "29 values of Petal.Width are equal, 0.2" in words
    assert "by about 305 nats" in words
    assert "rounded" in words
    assert "Conjugate priors have no such mode" in words


def test_draws_stay_off_the_equal_values_that_a_search_would_crown():
    iris = gmm.example("iris")
    mixture = gmm.Mixture(
        n_components=3, covariance="full", tied=False, priors=gmm.Priors.for_data(iris)
    )
    fit = gmm.fit_map(iris, mixture, gmm.MapOptions(start="search", restarts=60))
    assert on_equal_values(iris, fit.restart(int(fit.final_loss.argmin())))
    optima = distinct_optima(iris, mixture)
    assert optima
    assert not any(on_equal_values(iris, point) for point in optima)
    draws = gmm.sample_posterior(iris, mixture, FEW, engine="smc")
    # Importance sampling about the optimum by itself gave -298.2.
    assert draws.log_evidence.value == pytest.approx(-298.2, abs=0.5)
