"""A file as people have it, through the four questions that it asks, each to its answer in words.

Semicolons between the cells, decimal commas, empty cells, a column of species and one of counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from .conftest import Server, chart, connected
from .test_data import data_page, upload
from .test_fit import pick


def comma(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Forty robins and forty thrushes, some cells empty, each row seen once or twice."""
    rng = np.random.default_rng(4)
    robins = rng.normal([12, 18], [0.5, 1.0], (40, 2))
    thrushes = rng.normal([22, 70], [0.8, 4.0], (40, 2))
    lines = ["species;length;mass;seen"]
    for n, (length, mass) in enumerate(np.concatenate([robins, thrushes])):
        species = ("robin" if n < 40 else "thrush") if n % 4 else ""
        cells = ["" if n % 13 == 5 else comma(length), "" if n % 17 == 3 else comma(mass)]
        lines.append(";".join([species, *cells, str(1 + n % 2)]))
    file = tmp_path / "birds.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def page(app_server: Server, open_page: Callable[..., Page]) -> Page:
    return data_page(open_page(f"{app_server.url}/data"), "Upload")


def use(page: Page, points: int) -> None:
    page.get_by_role("button", name=f"Use these {points} points").click()
    expect(page.locator(".gmm-answer")).to_contain_text('"birds" has')
    connected(page)


def go(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    connected(page)


def says(page: Page, words: str) -> None:
    expect(page.locator(".gmm-answer")).to_contain_text(words)


def test_counts_are_weights_and_points_count_by_them(page: Page, birds: Path) -> None:
    upload(page, birds)
    expect(page.get_by_text("(semicolon-separated, decimal comma")).to_be_visible()
    pick(page, "Counts or weights", "seen")
    expect(page.get_by_text('Each row counts as many times as "seen" says.')).to_be_visible()
    use(page, 80)
    says(page, "Counted by their weights they are 120 points.")
    go(page, "Fit")
    says(page, "explain these 80 points")
    go(page, "Membership")
    says(page, "120 points it is at least 99.9 % certain")


def test_missing_values_are_kept_unless_their_rows_are_left_out(page: Page, birds: Path) -> None:
    upload(page, birds)
    sentence = page.get_by_text("11 values are missing, and integrated out")
    expect(sentence).to_contain_text('"length" lacks 6, "mass" lacks 5')
    page.get_by_text("leave out 11", exact=True).click()
    expect(page.get_by_text("Dropped 11 rows of 80")).to_be_visible()
    expect(page.get_by_role("button", name="Use these 69 points")).to_be_visible()
    page.get_by_text("keep, and integrate out what is missing").click()
    use(page, 80)
    says(page, '11 values are missing: 6 in "length", 5 in "mass".')
    go(page, "Fit")
    says(page, "Two components explain these 80 points")
    go(page, "Membership")
    says(page, "For all 80 points it is")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("button", name="imputed.csv")).to_be_visible()


def test_known_classes_are_compared_with_and_followed(page: Page, birds: Path) -> None:
    upload(page, birds)
    pick(page, "Known classes", "species")
    expect(page.get_by_text('What is known of a row is in "species"; 20 rows')).to_be_visible()
    use(page, 80)
    says(page, 'The class is known of 60 points: "robin", "thrush".')
    go(page, "Membership")
    sentence = page.get_by_text("By the best matching")
    expect(sentence).to_contain_text("All 60 points of known class are")
    expect(sentence).to_contain_text("The adjusted Rand index is 1.00")
    pick(page, "Colour by", "species")
    named = chart(page, "membership").locator(".legendtext")
    expect(named.filter(has_text="robin")).to_be_visible()
    go(page, "Fit")
    pick(page, "Known classes", "fixed to components")
    says(page, "Two components explain these 80 points")
    go(page, "Membership")
    expect(page.get_by_text("The fit took each known class for its component.")).to_be_visible()


def test_outliers_are_noise(page: Page, birds: Path) -> None:
    with birds.open("a") as file:
        for length, mass in ((5, 150), (35, 140), (40, 5), (33, 110), (8, 95), (30, 30), (38, 62)):
            file.write(f";{comma(length)};{comma(mass)};1\n")
    upload(page, birds)
    use(page, 87)
    go(page, "Fit")
    says(page, "explain these 87 points")
    page.get_by_text("Noise", exact=True).click()
    knob = page.get_by_role("slider", name="Components K")
    knob.press("Home")
    knob.press("ArrowRight")
    says(page, "Two components explain these 87 points")
    says(page, "is noise")
    go(page, "Membership")
    says(page, "Seven are most probably noise.")
    expect(page.get_by_role("columnheader", name="P(noise)")).to_be_visible()


def test_a_logarithm_is_fitted_and_one_column_foretells_another(page: Page, birds: Path) -> None:
    upload(page, birds)
    use(page, 80)
    page.get_by_text("Transform columns", exact=True).click()
    expect(page.get_by_role("combobox", name="Standardise")).to_be_visible()
    expect(page.get_by_text("A skewed column may be a mixture")).to_be_in_viewport()
    connected(page)
    page.wait_for_timeout(500)  # the folder's unfolding would close the list again
    pick(page, "Logarithm", "mass")
    page.keyboard.press("Escape")  # the list stays open for more columns
    page.get_by_role("button", name="Use these 80 points").click()
    says(page, '"log mass" is the natural logarithm of "mass"')
    go(page, "Fit")
    says(page, "Two components explain these 80 points")
    says(page, "Places are in the units of the table.")
    go(page, "Membership")
    says(page, "80 points it is")
    expect(page.get_by_text("How close is it?")).to_be_visible()
    connected(page)
    field = page.get_by_label("is", exact=True)
    field.fill("12")
    field.press("Enter")
    expect(
        page.get_by_text(re.compile('When "length" is 12.0, it expects "mass" to be 1[78][.]'))
    ).to_be_visible()
