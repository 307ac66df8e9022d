"""Sign-in at a real OpenID Connect provider on this machine: runs then belong to people."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from processes import free_port

from .conftest import START_SECONDS, Server, answers, connected

TWO_FOUND = "Two components explain"


@pytest.fixture
def provider() -> Iterator[str]:
    """The address of a provider in a process of its own, at which anybody may say who they are."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    people = [f"--user={name}@example.org" for name in ("ann", "ben")]
    with subprocess.Popen([*command, *people], stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"{url}/.well-known/openid-configuration"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
        process.terminate()


@pytest.fixture
def members(provider: str, start: Callable[..., Server], tmp_path: Path) -> Server:
    """The dashboard, for those whom the provider knows."""
    port = free_port()
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f"""
        [auth]
        redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
        cookie_secret = "not a secret, for this test alone"
        client_id = "mixture-explorer"
        client_secret = "any"
        server_metadata_url = "{provider}/.well-known/openid-configuration"
        """
    )
    return start(port=port, flags=[f"--secrets.files={secrets}"])


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Return a function that opens an address in a browser of its own.

    The provider's pages, which are not ours, are neither quiet nor local.
    """
    with ExitStack() as contexts:

        def opened(url: str) -> Page:
            context = browser.new_context()
            contexts.callback(context.close)
            page = context.new_page()
            page.goto(url)
            return connected(page)

        yield opened


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=f"{name}@example.org").click()


def test_runs_belong_to_people_who_sign_in(members: Server, person: Callable[[str], Page]) -> None:
    # Without an account nobody gets past the gate, on any page.
    ann = person(f"{members.url}/fit")
    expect(ann.get_by_text("Sign in to see and share this team's fits.")).to_be_visible()
    expect(ann.locator(".gmm-answer")).to_have_count(0)

    sign_in(ann, "ann")
    expect(ann.locator(".gmm-answer")).to_contain_text(TWO_FOUND)
    expect(ann.get_by_text("ann@example.org")).to_be_visible()
    expect(ann).to_have_url(re.compile("run="))
    link = ann.url

    # Another person sees the run of the link, and in the list of runs none but the own.
    ben = person(link)
    expect(ben.locator(".gmm-answer")).to_have_count(0)
    sign_in(ben, "ben")
    expect(ben.get_by_text("ben@example.org")).to_be_visible()
    expect(ben).to_have_url(link)
    expect(ben.locator(".gmm-answer")).to_contain_text(TWO_FOUND)
    ben.goto(f"{members.url}/runs")
    expect(ben.locator(".gmm-answer")).to_contain_text("There is no run yet")

    # A person is the same in any browser, and nobody after signing out.
    elsewhere = person(f"{members.url}/runs")
    sign_in(elsewhere, "ann")
    expect(elsewhere.get_by_text("ann@example.org")).to_be_visible()
    expect(elsewhere.get_by_role("button", name="Open").first).to_be_visible()
    # Home is home: the way back from the sign-in is taken once.
    elsewhere.get_by_role("button", name="Navigate to home page").click()
    expect(elsewhere.locator(".gmm-answer")).to_contain_text(TWO_FOUND)
    elsewhere.get_by_role("button", name="Sign out").click()
    elsewhere.get_by_role("button", name="End session").click()  # the provider asks, too
    expect(elsewhere.get_by_role("button", name="Sign in")).to_be_visible()
    expect(elsewhere.locator(".gmm-answer")).to_have_count(0)
