"""Each kind of result is told in words, a table and numbers that JSON takes."""

import json
from dataclasses import replace

import numpy as np
import pytest

import gmm_core as gmm
from gmm_core.data.whole import Whole
from gmm_core.partitions.memberships import Memberships
from gmm_core.runs import kinds
from gmm_core.runs.options import CompareOptions
from gmm_core.sharing import answer

DATA = gmm.example("faithful")
MIXTURE = gmm.Mixture(priors=gmm.Priors.for_data(DATA))
FLAT = gmm.Mixture(priors=gmm.Priors.flat())
POINT = gmm.Parameters([0.6, 0.4], [[4.3, 80.0], [2.0, 54.0]], [np.eye(2) * 5] * 2)


def spec(options, mixture=MIXTURE, **more):
    return gmm.Specification(dataset=DATA, mixture=mixture, options=options, **more)


SPECS = [
    spec(gmm.MapOptions(restarts=2, steps=10)),
    spec(gmm.EmOptions(iterations=5), FLAT, parameters=POINT),
    spec(gmm.GuideOptions(steps=5), parameters=POINT),
    spec(gmm.NutsOptions(draws=20, warmup=20, chains=2)),
    spec(gmm.SmcOptions(draws=50, populations=2)),
    spec(CompareOptions(n_components=(1,), covariances=("full",), restarts=2)),
    spec(gmm.BootstrapOptions(replicates=4, starts=1)),
    spec(gmm.LikelihoodRatioOptions(replicates=9, starts=1)),
    spec(gmm.CalibrationOptions(sets=2, thin=1, warmup=50)),
]


def test_every_kind_of_run_is_told_here():
    # That of rows which stay with the workers has a test of its own below.
    covered = {spec.kind for spec in SPECS} | {"memberships"}
    assert covered == {kind.name for kind in kinds.every()}


@pytest.mark.parametrize("run", SPECS, ids=lambda spec: spec.kind)
def test_a_run_of_each_kind_is_plain_values(run):
    from gmm_core.inference.run import run_here

    result = run_here(run, None)
    body = json.loads(json.dumps(answer.as_json(run, result), allow_nan=False))
    assert body["run"] == run.id
    assert body["answer"]
    shown = answer.answer(run, result)
    assert all(len(row) == len(shown.head) for row in shown.rows)
    assert len(body["table"]) == len(shown.rows)
    kind = kinds.named(run.kind)
    try:
        answer.check_figure(kind)
    except ValueError as error:
        assert kind.label in str(error)
    else:
        assert answer.figure(run, result).data


def test_written_memberships_are_told_with_their_place():
    whole = Whole("x", True, None, None, "drop", 1000, 1000.0, "0" * 64, 0, *np.zeros((3, 0)))
    run = gmm.Specification(
        dataset=replace(DATA, whole=whole),
        mixture=MIXTURE,
        options=gmm.MembershipsOptions(),
        parameters=POINT,
    )
    memberships = Memberships("faithful-memberships", 3, 1000, np.array([640, 350]))
    body = answer.as_json(run, memberships)
    assert body["headline"] == "1,000 rows in 3 files in faithful-memberships"
    assert body["answer"] == (
        "Memberships of 1,000 rows lie in 3 files of Parquet, in the folder faithful-memberships "
        "of the server's folder of results (GMM_OUT). 10 rows lack what was fitted, and have none."
    )
    assert [row["rows"] for row in body["table"]] == ["640", "350"]
    assert body["assigned"] == [640, 350]
    with pytest.raises(ValueError, match="'partitions' is for data whose rows stay in partitions"):
        spec(gmm.MembershipsOptions(), parameters=POINT)


def test_numbers_that_are_not_known_are_none():
    plain = answer._plain({"a": float("nan"), "b": np.array([np.inf, 1.0]), "c": (np.int64(2),)})
    assert plain == {"a": None, "b": [None, 1.0], "c": [2]}
