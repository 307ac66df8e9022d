"""Ids and fingerprints that may never change: every link that people have shared is one of them.

A run's id is the hash of its specification. The ids below were computed by version 1.0, before
any field was added. A later version that gives one of these specifications another id opens
something else, or nothing, for whoever follows an old link. Whoever adds a field gives it as
`Later(default)`, which leaves it out of the canonical JSON while it stands at its default; the
numbers here stay as they are.
"""

import json

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.mixture.fields import Later

TUTORIAL = gmm.example("tutorial")
FAITHFUL = gmm.example("faithful")
OWN = gmm.Dataset.from_values(
    [[1.5, 2.0], [2.5, 1.0], [8.0, 9.5], [9.0, 8.0], [8.5, 9.0]], ["height", "width"], "own"
)
POINT = gmm.Parameters([0.6, 0.4], [[10.75], [0.5]], [[[0.6]], [[0.6]]])
FLAT = gmm.Priors.flat()
# Written out: `Priors.for_data` computes them, and another processor may round otherwise.
OWN_PRIORS = gmm.Priors(
    concentration=2.0,
    loc_mean=(5.75, 6.0),
    loc_scale=(6.5, 7.0),
    scale_log_mean=(0.5, 0.625),
    scale_log_sd=1.0,
    correlation=2.0,
)

PINNED = {
    "the tutorial's MAP": (
        "3690dccf3443f97409f304d2fb34773d",
        lambda: gmm.Specification(
            dataset=TUTORIAL, mixture=gmm.Mixture(), options=gmm.MapOptions()
        ),
    ),
    "the tutorial's posterior": (
        "6ebecf07834eee9a237fbc6202686627",
        lambda: gmm.Specification(
            dataset=TUTORIAL, mixture=gmm.Mixture(), options=gmm.NutsOptions()
        ),
    ),
    "a guide": (
        "35f40e9ba7909e41fccf3f61d72ce77e",
        lambda: gmm.Specification(
            dataset=TUTORIAL, mixture=gmm.Mixture(), options=gmm.GuideOptions(), parameters=POINT
        ),
    ),
    "an EM run": (
        "b3bf84db234ff6bacb4636777c186f0f",
        lambda: gmm.Specification(
            dataset=TUTORIAL,
            mixture=gmm.Mixture(priors=FLAT),
            options=gmm.EmOptions(),
            parameters=POINT,
        ),
    ),
    "a comparison": (
        "7f456edb58b3cbc069db0575f378111f",
        lambda: gmm.Specification(
            dataset=FAITHFUL, mixture=gmm.Mixture(priors=FLAT), options=gmm.CompareOptions()
        ),
    ),
    "a full untied MAP on faithful": (
        "8a19bd46fe60ff80a361bc7048444708",
        lambda: gmm.Specification(
            dataset=FAITHFUL,
            mixture=gmm.Mixture(n_components=3, covariance="full", tied=False, priors=FLAT),
            options=gmm.MapOptions(choose="final", polish=True, start="kmeans++"),
        ),
    ),
    "a Pyro posterior on own data": (
        "12e069c4978a3df74fc786aa620b8a45",
        lambda: gmm.Specification(
            dataset=OWN,
            mixture=gmm.Mixture(priors=OWN_PRIORS),
            options=gmm.NutsOptions(draws=100, warmup=50, chains=2, seed=3),
            engine="pyro",
        ),
    ),
}


@pytest.mark.parametrize("name", PINNED)
def test_a_shared_link_opens_the_same_run_for_ever(name):
    run_id, specification = PINNED[name]
    assert specification().id == run_id


def test_a_dataset_keeps_its_fingerprint():
    assert OWN.fingerprint == "db929693ea2a7f9557b74d4116656d634d1015e4eab367b50c34ef94fb14d944"
    again = gmm.Dataset.from_values(np.array(OWN.values), OWN.columns, "another name")
    assert again.fingerprint == OWN.fingerprint


class LaterPriors(gmm.Priors):
    tilt: float | None = Later(None)


class LaterMixture(gmm.Mixture):
    priors: LaterPriors = LaterPriors()
    noise: bool = Later(False)


class LaterSpecification(gmm.Specification):
    mixture: LaterMixture
    budget: int = Later(0, ge=0)


def later(budget=0, tilt=None, **fields):
    mixture = LaterMixture(priors=LaterPriors(tilt=tilt), **fields)
    return LaterSpecification(
        dataset=TUTORIAL, mixture=mixture, options=gmm.MapOptions(), budget=budget
    )


def test_a_field_added_later_changes_no_id_while_it_stands_at_its_default():
    run_id, specification = PINNED["the tutorial's MAP"]
    assert later().to_json() == specification().to_json()
    assert later().id == run_id


@pytest.mark.parametrize("change", [{"budget": 1}, {"noise": True}, {"tilt": 0.5}])
def test_a_field_added_later_makes_another_run_once_it_is_used(change):
    made = later(**change)
    assert made.id != later().id
    name, value = next(iter(change.items()))
    body = json.loads(made.to_json())
    places = {"budget": body, "noise": body["mixture"], "tilt": body["mixture"]["priors"]}
    assert {key for key in places if key in places[key]} == {name}
    assert places[name][name] == value


def test_json_from_before_a_field_is_read_with_its_default():
    _, specification = PINNED["the tutorial's MAP"]
    text = specification().to_json()
    assert LaterSpecification.from_json(text, TUTORIAL).budget == 0
    used = text.replace('"engine":', '"budget":3,"engine":')
    assert LaterSpecification.from_json(used, TUTORIAL).budget == 3
    body = json.loads(text)["mixture"]
    assert LaterMixture.model_validate(body) == later().mixture
