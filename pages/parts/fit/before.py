"""What to know before a fit: what is hard about the data, and cures of it a click away."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from gmm_core.mixture.covariance import FAMILIES
from gmm_core.words import free
from gmm_core.words.comparison import form
from gmm_core.words.data import foremost
from pages.parts import controls, session, text
from pages.parts.data.choice import hard


def cautions(choosing: bool) -> None:
    """Say what is hard about the data for the mixture that is chosen, and offer what cures it.

    While one is being `choosing`, what is hard for some covariances only can wait: of diagonal ones
    nothing more is.
    """
    data, family = session.dataset(), session.family()
    difficulties = hard(data, FAMILIES["diag", False] if choosing else family)
    mixture = None
    if not choosing:
        with suppress(ValueError):  # a setting is out of range, and the page says so
            mixture = session.mixture()
    many = "" if mixture is None else free.caution(data, mixture)
    if sentences := foremost([many, *difficulties] if many else difficulties):
        text.note("Before you fit:", " ".join(sentences))
    if mixture is None or not many:
        return
    with st.container(horizontal=True, key="fewer_parameters"):
        controls.cure("Conjugate priors", {"prior": "conjugate"}, "cure_many")
        for other in free.simpler(data, mixture):
            label = form(other.covariance, other.tied).capitalize()
            chosen = {"covariance": other.covariance, "tied": other.tied}
            controls.cure(label, chosen, f"cure_many_{other.family.code}")
