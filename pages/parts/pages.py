"""The pages of the app, one entry each: all that lists pages or looks one up reads it here.

A new page is a script in `pages/views` and its entry here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page: its place in the address, its title, and the kinds of run that it shows.

    path : of its script, beside app.py; the one in `pages/views` unless said otherwise.
    """

    name: str
    title: str
    kinds: tuple[str, ...] = ()
    path: str = ""

    @property
    def script(self) -> str:
        """The path of its script, as Streamlit asks for it."""
        return self.path or f"pages/views/{self.name}.py"


# In the order of the navigation.
PAGES = [
    Page("fit", "Fit", kinds=("map", "em")),
    Page("data", "Data"),
    Page("membership", "Membership", kinds=("guide", "memberships")),
    Page("posterior", "Posterior", kinds=("posterior", "smc")),
    Page("compare", "Compare", kinds=("compare",)),
    Page("runs", "Runs"),
    Page("tour", "Tour"),
]


def named(name: str) -> Page | None:
    """Return the page that stands in the address as `name`; None without one."""
    return _first(page for page in PAGES if page.name == name)


def entry(name: str) -> Page:
    """Return a page of the app by its name.

    Raises
    ------
    ValueError
        When there is no such page.
    """
    page = named(name)
    if page is None:
        names = ", ".join(page.name for page in PAGES)
        raise ValueError(f'There is no page "{name}". Name one of {names}.')
    return page


def showing(kind: str) -> Page:
    """Return the page that shows runs of a kind; one without a page of its own is on Runs."""
    return _first(page for page in PAGES if kind in page.kinds) or entry("runs")


def _first(pages: Iterable[Page]) -> Page | None:
    return next(iter(pages), None)
