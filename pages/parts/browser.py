"""Which browser a session is in, so that without sign-in runs belong to it.

A browser keeps a random id in a cookie, and its later sessions bring it along. Nobody can guess the
id, and the store knows only its hash, so a copy of the database lets no one in. The cookie is set
by a component, since Streamlit sets none of its own; a browser that refuses it owns its runs until
the page is loaded again.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from urllib.parse import parse_qs, unquote, urlsplit

import streamlit as st

COOKIE = "gmm_browser"
_BYTES = 32  # of randomness, 43 characters in base 64
_VALID = re.compile(r"[A-Za-z0-9_-]{43}")

_keep = st.components.v2.component(
    "gmm_browser",
    html="<span hidden></span>",
    js="""
    export default function ({ data, setTriggerValue }) {
      // Two first tabs make an id each: the one that came first holds for both.
      const kept = document.cookie.match(/(?:^|; )gmm_browser=([A-Za-z0-9_-]{43})(?:;|$)/);
      const id = kept ? kept[1] : data.id;
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie =
        `gmm_browser=${id}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
      if (id !== data.id) setTriggerValue("other", id);
    }
    """,
    isolate_styles=False,
)

# Sign-in comes back to the first page; where the person wanted to go waits in a cookie until then.
_WAY = "gmm_way"
_note = st.components.v2.component(
    "gmm_way",
    html="<span hidden></span>",
    js="""
    export default function ({ data }) {
      const way = data.keep ? encodeURIComponent(location.pathname + location.search) : "";
      document.cookie = `gmm_way=${way}; Path=/; Max-Age=${data.keep ? 900 : 0}; SameSite=Lax`;
    }
    """,
    isolate_styles=False,
)


def owner() -> str:
    """Return the name under which this browser's runs are kept."""
    return "browser:" + hashlib.sha256(_identity().encode()).hexdigest()[:32]


def remember() -> None:
    """Have the browser keep its id; draws nothing that is seen."""

    def other() -> None:
        found = st.session_state["browser_cookie"].get("other")
        if isinstance(found, str) and _VALID.fullmatch(found):
            st.session_state["browser"] = found

    _keep(key="browser_cookie", data={"id": _identity()}, on_other_change=other)


def keep_way(keep: bool) -> None:
    """Have the browser keep this address over the sign-in, or forget the one it kept."""
    _note(key="way", data={"keep": keep})


def way() -> tuple[str, dict[str, list[str]]]:
    """Return the page, "" for none, and the query of the address kept over a sign-in; once."""
    # A session sees the cookies that it began with: going home later is no return from a sign-in.
    first = not st.session_state.get("way_taken", False)
    st.session_state["way_taken"] = True
    kept = urlsplit(unquote(st.context.cookies.get(_WAY, "")) if first else "")
    return kept.path.rstrip("/").rpartition("/")[2], parse_qs(kept.query)


def _identity() -> str:
    state = st.session_state
    if "browser" not in state:
        brought = st.context.cookies.get(COOKIE, "")
        known = _VALID.fullmatch(brought) is not None
        state["browser"] = brought if known else secrets.token_urlsafe(_BYTES)
    return str(state["browser"])
