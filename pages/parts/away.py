"""What every page says while the database is away; it comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from gmm_core.jobs import DatabaseAwayError, service

AGAIN = 3.0  # seconds until it is tried again


@contextmanager
def told() -> Iterator[None]:
    """Say it in the place of a page that needs the database."""
    try:
        yield
    except (DatabaseAwayError, SQLAlchemyError) as error:
        say(error)
        st.session_state["away_just_now"] = True
        st.fragment(_check, run_every=AGAIN)()


def say(error: DatabaseAwayError | SQLAlchemyError) -> None:
    """Say it, without why: that is in the log."""
    cause = error if isinstance(error, DatabaseAwayError) else DatabaseAwayError(error)
    st.warning(str(cause))


def _check() -> None:
    if st.session_state.pop("away_just_now", False):
        return
    with suppress(Exception):
        service().store.ping()
        st.rerun(scope="app")
