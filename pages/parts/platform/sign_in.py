"""Whether this server asks for a sign-in, and whether a plain request is of somebody signed in.

A page knows its person from Streamlit. A request for JSON has only the cookie that it signed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from pages.parts.platform import streamlit_internals


def asked_for() -> bool:
    """Whether only people who sign in may see anything."""
    # Without a secrets file Streamlit raises as soon as a secret is asked for.
    try:
        return "auth" in st.secrets.to_dict()
    except FileNotFoundError:
        return False


def may_enter(cookies: Mapping[str, str], host: str) -> bool:
    """Whether whoever sends these cookies to this host would get past the pages' own gate."""
    if not asked_for():
        return True
    signed = streamlit_internals.user_cookie(cookies)
    if signed is None:
        return False
    try:
        claims = json.loads(signed)
    except ValueError:
        return False
    # The cookie of another address of this machine, signed by the same secret, opens that one.
    return claims.get("is_logged_in") is True and urlsplit(claims.get("origin", "")).netloc == host
