"""Every model that a person fills in refuses in words: what came, what was expected, what to do."""

import pickle

import numpy as np
import pytest

import gmm_core as gmm

DATA = gmm.example("tutorial")
MODELS = [gmm.Mixture, gmm.Priors, gmm.MapOptions, gmm.GuideOptions, gmm.NutsOptions]


def refused(make, *args, **kwargs) -> str:
    with pytest.raises(ValueError, match=r"[.]$") as raised:
        make(*args, **kwargs)
    text = str(raised.value)
    for jargon in ("validation error", "pydantic", "http", "Input", "type=", "\n"):
        assert jargon not in text
    assert str(pickle.loads(pickle.dumps(raised.value))) == text
    return text


@pytest.mark.parametrize("model", MODELS)
def test_an_unknown_field_is_named_beside_those_there_are(model):
    words = f"colour is not known here. {model.__name__} takes {next(iter(model.model_fields))}"
    assert refused(model, colour="red").startswith(words)
    assert refused(model.model_validate, {"colour": "red"}).startswith(words)


@pytest.mark.parametrize(
    ("make", "fields", "words"),
    [
        (gmm.Mixture, {"n_components": 2.0}, "n_components is 2.0, but a whole number was"),
        (gmm.Mixture, {"tied": "maybe"}, "tied is 'maybe', but True or False was expected."),
        (gmm.Mixture, {"priors": 3}, "priors is 3, but a Priors was expected."),
        (gmm.Mixture, {"priors": {"concentration": -1}}, "concentration is -1, but a number above"),
        (gmm.Priors, {"loc_mean": "x"}, "loc_mean is 'x', but a number or a list was expected."),
        (gmm.Priors, {"loc_scale": (1, 0)}, "loc_scale is 0, but a number above 0 was"),
        (gmm.Priors, {"loc_mean": np.nan}, "loc_mean is nan, but a finite number"),
        (gmm.MapOptions, {"steps": 0}, "steps is 0, but a number from 1 on was expected."),
        (gmm.NutsOptions, {"target_accept": 1}, "target_accept is 1, but a number below 1 was"),
        (gmm.MapOptions, {"betas": (0.8,)}, "betas is (0.8,), but one number more"),
        (gmm.Specification, {"dataset": 1}, "dataset is 1, but a Dataset was expected."),
        (gmm.Specification, {"dataset": DATA, "options": 1}, "The options came as int. Give one"),
    ],
)
def test_what_came_what_was_expected_and_what_to_do(make, fields, words):
    if make is gmm.Specification:
        fields = {"mixture": gmm.Mixture(), "options": gmm.MapOptions()} | fields
    assert refused(make, **fields).startswith(words)


def test_a_missing_field_is_named():
    assert refused(gmm.Specification, dataset=DATA, options=gmm.MapOptions()).startswith(
        "mixture is missing in Specification."
    )


def test_a_rule_between_fields_is_told_as_it_is():
    mixture = gmm.Mixture(n_components=9)
    text = refused(gmm.Specification, dataset=DATA, mixture=mixture, options=gmm.MapOptions())
    assert text.startswith("K = 9 components need at least as many points")


def test_a_frozen_model_says_how_to_make_another():
    def change() -> None:
        gmm.MapOptions().steps = 5

    assert "model_copy(update={'steps': ...})" in refused(change)
