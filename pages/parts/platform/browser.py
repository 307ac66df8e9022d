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
# Over TLS the browser itself sees to it that no other site of the same domain can have set this
# one (RFC 6265bis, section 4.1.3.2).
SECURE_COOKIE = f"__Host-{COOKIE}"
_BYTES = 32  # of randomness, 43 characters in base 64
_VALID = re.compile(r"[A-Za-z0-9_-]{43}")

_keep = st.components.v2.component(
    "gmm_browser",
    html="<span hidden></span>",
    js="""
    export default function ({ data, setTriggerValue }) {
      // Two first tabs make an id each: the one that came first holds for both.
      const safe = location.protocol === "https:";
      const name = safe ? "__Host-gmm_browser" : "gmm_browser";
      const kept = document.cookie.match(`(?:^|; )${name}=([A-Za-z0-9_-]{43})(?:;|$)`);
      const id = kept ? kept[1] : data.id;
      document.cookie =
        `${name}=${id}; Path=/; Max-Age=31536000; SameSite=Lax${safe ? "; Secure" : ""}`;
      if (id !== data.id) setTriggerValue("other", id);
      // In place of the address, not after it: the way back leads to the page before.
      const address = new URL(location.href);
      if (data.working) address.searchParams.set("data", data.working);
      else address.searchParams.delete("data");
      if (address.href !== location.href) history.replaceState(history.state, "", address);
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


def place() -> str:
    """Return the address of a browser in which nobody signed in; "" when it is this machine's own.

    Whoever drops their cookie still asks from there.
    """
    signed_in = st.user.get("is_logged_in", False)
    return "" if signed_in else str(st.context.ip_address or "")


def remember(working: str) -> None:
    """Have the browser keep its id, and in the address what the page works on.

    Draws nothing that is seen. A reload, and a session that comes after one that was lost, then
    find the data that they were on.
    """

    def other() -> None:
        value = st.session_state["browser_cookie"].get("other")
        if isinstance(value, str) and _VALID.fullmatch(value):
            st.session_state["browser"] = value

    # With the page's own address, since another page's has to be completed again.
    data = {"id": _identity(), "working": working, "page": st.context.url}
    _keep(key="browser_cookie", data=data, on_other_change=other)


def keep_way(keep: bool) -> None:
    """Have the browser keep this address over the sign-in, or forget the one it kept."""
    _note(key="way", data={"keep": keep})


def way() -> tuple[str, dict[str, list[str]]]:
    """Return the page, "" for none, and the query of the address kept over a sign-in; once."""
    # A session sees the cookies that it began with: going home later is no return from a sign-in.
    first = not st.session_state.get("way_taken", False)
    st.session_state["way_taken"] = True
    remembered = urlsplit(unquote(st.context.cookies.get(_WAY, "")) if first else "")
    return remembered.path.rstrip("/").rpartition("/")[2], parse_qs(remembered.query)


def _identity() -> str:
    state = st.session_state
    if "browser" not in state:
        safe = str(st.context.url or "").startswith("https:")
        brought = st.context.cookies.get(SECURE_COOKIE if safe else COOKIE, "")
        valid = _VALID.fullmatch(brought) is not None
        state["browser"] = brought if valid else secrets.token_urlsafe(_BYTES)
    return str(state["browser"])
