"""A specification is a value: equal content has an equal id, and it survives its JSON."""

import json
import pickle
import re

import numpy as np
import pytest
from points import random_dataset, random_point

import gmm_core as gmm

DATA = gmm.example("tutorial")


def spec(**changes):
    fields = {"dataset": DATA, "mixture": gmm.Mixture(), "options": gmm.MapOptions()} | changes
    return gmm.Specification(**fields)


def guide_spec():
    mixture = gmm.Mixture(covariance="full", tied=False)
    return gmm.Specification(
        dataset=random_dataset(9, 2),
        mixture=mixture,
        options=gmm.GuideOptions(),
        parameters=random_point(mixture, 2),
    )


def test_the_id_is_a_short_hash_of_the_content():
    assert re.fullmatch("[0-9a-f]{32}", spec().id)
    same = gmm.Dataset.from_values([0, 1, 10, 11, 12], name="the same numbers, another name")
    assert spec(dataset=same).id == spec().id
    assert spec(dataset=same) == spec()
    assert len({spec(dataset=same), spec()}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": gmm.Dataset.from_values([0, 1, 10, 11, 13])},
        {"mixture": gmm.Mixture(n_components=3)},
        {"mixture": gmm.Mixture(tied=False)},
        {"mixture": gmm.Mixture(priors=gmm.Priors(concentration=1.0))},
        {"options": gmm.MapOptions(first_seed=1)},
        {"options": gmm.NutsOptions()},
    ],
)
def test_every_change_is_another_run(change):
    assert spec(**change).id != spec().id


@pytest.mark.parametrize("made", [spec(), spec(options=gmm.NutsOptions()), guide_spec()])
def test_json_and_pickle_bring_it_back(made):
    again = gmm.Specification.from_json(made.to_json(), made.dataset)
    assert (again.id, again.kind) == (made.id, made.kind)
    assert type(again.options) is type(made.options)
    assert pickle.loads(pickle.dumps(made)) == made


def test_json_holds_no_data_but_its_fingerprint():
    body = json.loads(spec().to_json())
    assert body["dataset"] == DATA.fingerprint
    assert body["kind"] == "map"


def test_numbers_of_numpy_and_of_python_are_the_same_run():
    priors = gmm.Priors(loc_mean=np.array([0.0]), loc_scale=np.float64(10))
    same = gmm.Priors(loc_mean=(0.0,), loc_scale=10)
    left, right = (spec(mixture=gmm.Mixture(priors=p)) for p in (priors, same))
    assert left.id == right.id


def test_another_dataset_is_refused_by_name():
    with pytest.raises(ValueError, match="Give the dataset it was made of"):
        gmm.Specification.from_json(spec().to_json(), random_dataset(5, 1))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"kind": "map"}', "\x00"])
def test_text_that_is_no_specification_is_refused(text):
    with pytest.raises(ValueError, match="not a run's specification"):
        gmm.Specification.from_json(text, DATA)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"kind":"map"', '"kind":"dream"', "the kind 'dream'"),
        ('"covariance":"spherical"', '"covariance":"VVX"', "covariance = 'VVX'"),
        ('"tied":true', '"tied":true,"wavy":[1]', r"wavy = \[1\]"),
        ('"correlation":1.0', '"correlation":1.0,"w":0.5', r"priors.w = 0.5"),
        ('"polish":false', '"polish":false,"sand":3', "sand = 3"),
        ('"engine":"compiled"', '"engine":"abacus"', "The engine 'abacus' does not run a map fit"),
        ('"engine":"compiled"', '"engine":"compiled","extra":true', "extra = True"),
        ('"parameters":null', '"parameters":{"weights":[1],"tail":0}', "parameters with tail"),
    ],
)
def test_what_another_version_wrote_is_refused_in_words(old, new, words):
    text = spec().to_json()
    assert old in text
    with pytest.raises(ValueError, match=f"made by another version.*{words}") as refused:
        gmm.Specification.from_json(text.replace(old, new), DATA)
    assert "pydantic" not in str(refused.value)
    assert "Open it with that version, or update this one." in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mixture": gmm.Mixture(n_components=6)}, "Lower K, or add data"),
        ({"engine": "abacus"}, "'abacus' does not run a map fit. Choose 'compiled' or 'pyro'"),
        ({"options": gmm.GuideOptions()}, "Give the parameters of a MAP fit"),
        ({"parameters": random_point(gmm.Mixture(), 1)}, "begin at a point, and only they do"),
        (
            {"options": gmm.NutsOptions(), "mixture": gmm.Mixture(priors=gmm.Priors.flat())},
            "Give every prior",
        ),
        ({"mixture": gmm.Mixture(priors=gmm.Priors(loc_mean=(0.0, 1.0)))}, "loc_mean has 2"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        spec(**change)


def test_a_run_that_begins_at_several_points_is_written_and_read_back():
    points = random_point(gmm.Mixture(), 1).reshape(1)[[0, 0]]
    original = spec(options=gmm.SmcOptions(start="given"), engine="smc", parameters=points)
    again = gmm.Specification.from_json(original.to_json(), DATA)
    assert again == original
    assert again.parameters.lead == (2,)
    # The field came later: without points a run has the id that it always had.
    assert "start" not in spec(options=gmm.SmcOptions(), engine="smc").to_json()


def test_a_guide_on_a_point_of_another_mixture_is_refused():
    with pytest.raises(ValueError, match="have 3 components, but the mixture has K = 2"):
        spec(options=gmm.GuideOptions(), parameters=random_point(gmm.Mixture(n_components=3), 1))
    with pytest.raises(ValueError, match="parameters have 2 columns"):
        spec(options=gmm.GuideOptions(), parameters=random_point(gmm.Mixture(), 2))
