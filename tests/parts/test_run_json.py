"""A run as JSON has the numbers of its result, and is for those who may see its page."""

import asyncio
import json

import httpx
import numpy as np
import pytest
import streamlit as st
from starlette.applications import Starlette
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

import gmm_core as gmm
from gmm_core import jobs
from pages.parts import run_json

SPEC = gmm.Specification(
    dataset=gmm.example("tutorial"),
    mixture=gmm.Mixture(),
    options=gmm.MapOptions(restarts=3, steps=20, choose="final"),
)
SECRET = "not a secret, for this test alone"
HOST = "http://testserver"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    database = tmp_path_factory.mktemp("json") / "runs.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMM_DATABASE", f"sqlite:///{database}")
        patch.setenv("GMM_WORKERS", "1")
        jobs.close_service()
        yield jobs.service()
        jobs.close_service()


@pytest.fixture
def ask():
    server = httpx.ASGITransport(Starlette(routes=run_json.ROUTES))

    async def answer(path, cookies):
        async with httpx.AsyncClient(transport=server, base_url=HOST) as client:
            return await client.get(path, headers=cookies)

    def asking(run_id, cookie=None):
        cookies = {} if cookie is None else {"Cookie": f"_streamlit_user={cookie}"}
        return asyncio.run(answer(f"/api/runs/{run_id}", cookies))

    return asking


@pytest.fixture
def members(tmp_path):
    """The server asks for a sign-in."""
    before = st.get_option("secrets.files")
    file = tmp_path / "secrets.toml"
    file.write_text(f'[auth]\ncookie_secret = "{SECRET}"\nredirect_uri = "{HOST}/oauth2callback"\n')
    st.config.set_option("secrets.files", [str(file)])
    st.secrets._reset()
    yield
    st.config.set_option("secrets.files", before)
    st.secrets._reset()


def cookie(origin=HOST, secret=SECRET, **claims):
    identity = json.dumps({"origin": origin, "is_logged_in": True, "sub": "ann"} | claims)
    return create_signed_value(secret, "_streamlit_user", identity).decode()


def test_a_finished_run_has_the_numbers_of_its_result(service, ask):
    run_id = service.submit(SPEC, "browser:a")
    service.wait(run_id, timeout=120)
    answer = ask(run_id)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    fit = service.result(run_id)
    assert (body["run"], body["kind"], body["state"]) == (SPEC.id, "map", "done")
    point = fit.parameters.permuted(fit.parameters.order)
    np.testing.assert_array_equal(body["parameters"]["locs"], point.locs)
    assert body["loss"] == fit.final_loss[fit.chosen]
    assert body["data"]["fingerprint"] == SPEC.dataset.fingerprint
    assert body["options"]["steps"] == 20


def test_a_run_that_nobody_asked_for_is_not_there(service, ask):
    for run_id in ("0" * 32, "..", "1%27--"):
        answer = ask(run_id)
        assert answer.status_code == 404
    assert "error" in ask("0" * 32).json()


def test_where_a_sign_in_is_asked_for_only_those_signed_in_see_it(service, ask, members):
    run_id = service.submit(SPEC, "person:ann")
    service.wait(run_id, timeout=120)
    strangers = [
        None,
        "nonsense",
        cookie(secret="another"),
        cookie(origin="http://elsewhere"),
        cookie(is_logged_in=False),
    ]
    for cookies in strangers:
        answer = ask(run_id, cookies)
        assert answer.status_code == 401, cookies
        assert set(answer.json()) == {"error"}
    assert ask(run_id, cookie()).json()["run"] == run_id
