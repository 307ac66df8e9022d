"""The streaming figure in a real browser: it stays one node, follows the theme, stays local."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import PHONE, Server, chart, click_mark, middle, opening, serving

APP = Path(__file__).parent / "apps" / "figure_app.py"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(APP, tmp_path_factory.mktemp("figures")) as server:
        yield server


@pytest.fixture(scope="module")
def drawing(figures: Server, browser: Browser) -> Iterator[Page]:
    """All figures in one window, for tests that leave them as they are."""
    with opening(browser) as open_page:
        yield open_page(figures.url)


def plotted(page: Page, key: str) -> Any:
    """Return the figure's node once Plotly has drawn it."""
    node = chart(page, key)
    expect(node.locator(".main-svg").first).to_be_visible()
    return node


def wait_for_updates(page: Page, node: Any, updates: int) -> None:
    """Wait until the streamed curve has grown `updates` times by its ten points a tick."""
    handle = node.element_handle()
    length = page.evaluate("node => node._fullData[0].x.length", handle)
    page.wait_for_function(
        "([node, length]) => node._fullData[0].x.length >= length",
        arg=[handle, length + 10 * updates],
    )


def test_streamed_figure_keeps_its_node_and_its_zoom(
    figures: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(figures.url)
    node = plotted(page, "loss")
    wait_for_updates(page, node, 2)
    node.evaluate("node => { node.mark = 'the same'; }")
    plot = node.locator(".nsewdrag").bounding_box()
    page.mouse.move(plot["x"] + 0.3 * plot["width"], plot["y"] + 0.2 * plot["height"])
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.5 * plot["width"], plot["y"] + 0.5 * plot["height"], steps=4)
    tick = page.get_by_text(re.compile(r"^tick \d+$"))
    for _ in range(3):  # updates that arrive under the drag must not break it off
        expect(tick).not_to_have_text(tick.inner_text())
    page.mouse.move(plot["x"] + 0.7 * plot["width"], plot["y"] + 0.7 * plot["height"], steps=4)
    page.mouse.up()
    zoomed = "node => node._fullLayout.xaxis.autorange === false"
    page.wait_for_function(zoomed, arg=node.element_handle())
    ranges = "node => [...node._fullLayout.xaxis.range, ...node._fullLayout.yaxis.range]"
    before = node.evaluate(ranges)
    assert before[0] > 0
    wait_for_updates(page, node, 12)
    assert node.evaluate("node => node.mark") == "the same"
    assert node.evaluate(ranges) == before


def test_figure_says_that_it_could_not_be_drawn(figures: Server, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/plotly/*.js", lambda route: route.abort())
    page.goto(figures.url)
    expect(chart(page, "density").get_by_role("alert")).to_contain_text("could not be drawn")
    page.unroute("**/plotly/*.js")
    plotted(page, "loss")  # a figure that is updated tries again
    context.close()


def test_figure_has_its_height_before_it_is_drawn(drawing: Page) -> None:
    assert plotted(drawing, "density").bounding_box()["height"] == 340
    box = drawing.locator(".stBidiComponent").first.bounding_box()
    assert box["height"] == 340


def test_figure_has_a_text_alternative(drawing: Page) -> None:
    plotted(drawing, "density")
    expect(drawing.get_by_role("img", name="Two separate bells: 62 % near 10.98")).to_be_visible()


def test_text_of_a_figure_is_light_where_the_page_is_dark(
    figures: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(figures.url, color_scheme="dark")
    assert _lightness(plotted(page, "density").locator(".gtitle")) > 128


def test_theme_changes_in_place(figures: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(figures.url)
    node = plotted(page, "density")
    assert _lightness(node.locator(".gtitle")) < 128
    node.evaluate("node => { node.mark = 'the same'; }")
    page.emulate_media(color_scheme="dark")
    expect(node.locator(".gtitle")).to_have_css("fill", "rgb(228, 232, 237)")
    assert node.evaluate("node => node.mark") == "the same"


def test_figure_fits_a_phone(figures: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(figures.url, viewport=PHONE, touch=True)
    for key in ("density", "norms", "counts"):
        node = plotted(page, key)
        frame = node.bounding_box()
        assert frame["x"] >= 0
        assert frame["x"] + frame["width"] <= PHONE["width"]
        title = node.locator(".gtitle").bounding_box()
        assert title["y"] >= frame["y"]
        assert title["x"] + title["width"] <= frame["x"] + frame["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_figure_follows_the_width_of_the_window(
    figures: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(figures.url)
    node = plotted(page, "density")
    page.set_viewport_size({"width": 900, "height": 900})
    page.wait_for_function(
        "node => node.clientWidth < 860 && node._fullLayout.width === node.clientWidth",
        arg=node.element_handle(),
    )


def test_click_on_a_point_comes_back_to_python(
    figures: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(figures.url)
    node = plotted(page, "clicks")
    runs = page.get_by_text(re.compile(r"^page run \d+$"))
    before = runs.inner_text()
    points = node.locator(".scatterlayer .trace path.point")
    _click(page, points.nth(1))
    expect(page.get_by_text("start 8", exact=True)).to_be_visible()
    _click(page, points.nth(2))
    expect(page.get_by_text("start 9", exact=True)).to_be_visible()
    _click(page, points.nth(3))  # its trace says what it stands for
    expect(page.get_by_text("start 41", exact=True)).to_be_visible()
    _click(page, points.nth(5))  # stands for nothing
    _click(page, points.nth(0))
    expect(page.get_by_text("start 7", exact=True)).to_be_visible()
    assert runs.inner_text() == before  # only the fragment ran


def test_figure_in_a_hidden_tab_is_drawn_when_the_tab_opens(
    figures: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(figures.url)
    plotted(page, "counts")
    page.get_by_role("tab", name="Hidden").click()
    node = plotted(page, "hidden")
    assert node.locator(".main-svg").first.bounding_box()["width"] > 600


def test_user_text_is_shown_as_it_is(drawing: Page) -> None:
    title = plotted(drawing, "counts").locator(".xtitle")
    expect(title).to_have_text("=cmd|' /C calc'!A0 <script>")


def test_numbers_of_a_figure_are_downloaded(drawing: Page) -> None:
    rows = _download_csv(drawing, "density")
    assert rows[0] == ["series", "x", "y"]
    data = [row for row in rows if row[0] == "data"]
    assert [float(x) for _, x, _ in data] == [0, 1, 10, 11, 12]
    first = next(row for row in rows if row[0] == "component 1")
    assert float(first[1]) == -3.0
    assert len([row for row in rows if row[0] == "mixture"]) == 300


def test_download_disarms_text_that_a_spreadsheet_would_run(drawing: Page) -> None:
    rows = _download_csv(drawing, "counts")
    assert rows[0] == ["series", "x", "y", "z"]
    assert {row[0] for row in rows[1:]} == {"'=cmd|' /C calc'!A0 <script>"}
    assert len(rows) == 1 + 20 * 20
    assert min(float(row[1]) for row in rows[1:]) < 0


@pytest.mark.parametrize(("button", "suffix"), [("PNG", ".png"), ("SVG", ".svg")])
def test_picture_of_a_figure_is_downloaded(drawing: Page, button: str, suffix: str) -> None:
    node = plotted(drawing, "density")
    node.hover(position={"x": 300, "y": 200})
    with drawing.expect_download() as download:
        node.get_by_role("button", name=re.compile(button)).click()
    name = download.value.suggested_filename
    assert name == f"density-of-the-mixture-and-its-components{suffix}"
    assert download.value.path().stat().st_size > 2000


def _click(page: Page, point: Any) -> None:
    point.scroll_into_view_if_needed()
    click_mark(page, lambda: middle(point))


def _download_csv(page: Page, key: str) -> list[list[str]]:
    node = plotted(page, key)
    node.hover(position={"x": 300, "y": 200})
    with page.expect_download() as download:
        node.get_by_role("button", name=re.compile("CSV")).click()
    text = download.value.path().read_bytes().decode()
    return list(csv.reader(io.StringIO(text)))


def _lightness(element: Any) -> float:
    colour = element.evaluate("element => getComputedStyle(element).fill")
    red, green, blue = (float(part) for part in re.findall(r"[\d.]+", colour)[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue
