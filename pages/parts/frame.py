"""The frame of every page: sign-in gate, look, sidebar with what holds on every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from gmm_core.figures import data as data_figures
from gmm_core.formatting import count
from gmm_core.jobs import DatabaseAwayError, service
from pages.parts import links, pages, session, text
from pages.parts.platform import browser, own_sessions, sign_in
from pages.parts.stream import figure

_LOGO = Path(__file__).with_name("logo.svg")
ICON = str(Path(__file__).with_name("icon.svg"))


def gate() -> None:
    """Stop a page until the person has signed in, when the server asks for it."""
    if sign_in.asked_for() and not st.user.get("is_logged_in", False):
        st.title("Mixture Explorer", anchor=False)
        st.write("Sign in to see and share this team's fits.")
        st.button("Sign in", type="primary", on_click=st.login)
        browser.keep_way(True)
        st.stop()
    own_sessions.admit()


def check() -> None:
    """Stop a page when a setting of the server cannot be used: it says which."""
    try:
        service()
    except DatabaseAwayError:
        raise
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        st.stop()


def begin(page: str) -> None:
    """Set the look, fill the session, and draw the sidebar; `page` is the one of the address."""
    st.logo(_LOGO, size="large")
    links.begin(page)
    st.session_state["framed"] = True
    with st.sidebar:
        _data()
        # Each page fills it, and again whenever a knob is turned.
        st.session_state["mixture_place"] = st.container()
        _person()
        with st.container(key="browser"):
            browser.remember(session.data_address())
            if st.user.get("is_logged_in", False):
                browser.keep_way(False)


def home() -> None:
    """Go on to Fit, to the page of the run that the address names, or to where sign-in began."""
    page, query = browser.way()
    if pages.named(page) and st.user.get("is_logged_in", False):
        st.switch_page(pages.entry(page).script, query_params=query)
    run_id = links.opened()
    if run_id:
        links.go_to(run_id)
    st.switch_page(pages.entry("fit").script)


def require() -> None:
    """Stop a page script that runs without the app around it, and so without its gate."""
    if not st.session_state.get("framed"):
        st.error("This page opens through the app: run `streamlit run app.py`.")
        st.stop()


def mixture(line: Any = None) -> Any:
    """Say in the sidebar which mixture is chosen: in a line of its own, or again in that one."""
    place = line or st.session_state["mixture_place"]
    if not session.mixture_chosen():
        return place.caption("**Mixture** not chosen yet")
    try:
        return place.caption(f"**Mixture** {text.plain(session.mixture().label)}")
    except ValueError as error:
        return place.caption(f"**Mixture** {text.plain(text.sentence(error))}")


def _data() -> None:
    data = session.dataset()
    N, D = data.n, len(data.columns)
    st.caption(f"**Data** {text.plain(data.name)} · {count(N, 'point')}, {count(D, 'column')}")
    of = (data.fingerprint, data.name)
    figure.show(lambda: data_figures.spark(data), key="spark", of=of, bar=False)


def _person() -> None:
    """Say who is signed in, and offer the way out."""
    user = st.user
    if not user.get("is_logged_in", False):
        return
    st.caption(f"**Signed in** {text.plain(str(user.get('email') or user.get('name') or 'yes'))}")
    st.button("Sign out", key="sign_out", on_click=st.logout, width="stretch")
