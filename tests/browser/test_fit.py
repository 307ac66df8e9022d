"""The Fit page in a browser: the first screen, a streamed fit, cancel, links."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from gmm_core.runs.methods import METHODS

from .conftest import ANOTHER, PHONE, Server, chart, click_mark

FINISHED = re.compile(r"Done in")


def answer(page: Page):
    return page.locator(".gmm-answer")


def settled(page: Page) -> None:
    """Wait until the fit is there, and the whole page with it: nothing moves any more."""
    expect(page.get_by_text(FINISHED)).to_be_visible()
    expect(chart(page, "slice").locator(".main-svg").first).to_be_visible()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()


def set_number(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")


def pick(page: Page, label: str, option: str) -> None:
    """Choose in a list; it is scrolled to first, for a scroll closes the list again."""
    box = page.get_by_role("combobox", name=label)
    box.scroll_into_view_if_needed()
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    box.click()
    page.get_by_role("option", name=option, exact=True).click()


def use_pyro(page: Page) -> None:
    """Choose the engine whose steps are slow enough to be watched."""
    pick(page, "Choose the start by", "Smallest initial loss")
    expect(page.get_by_text("(1 of 100)")).to_be_visible()
    settled(page)
    pick(page, "Engine", "Pyro, the reference")


def progress_of(steps: int) -> re.Pattern[str]:
    """Return what a run of so many steps says of its progress; a polish counts as some more."""
    return re.compile(f"of ({steps:,}|{steps + METHODS['adam'].polishing:,}) ·")


def stream(page: Page) -> tuple[Locator, int]:
    """Fit in Pyro with many steps; return the words that say how far it is, and how many."""
    steps = 19_000 + next(ANOTHER)
    settled(page)
    use_pyro(page)
    set_number(page, "Steps", str(steps))
    page.get_by_role("button", name="Fit", exact=True).click()
    words = page.get_by_text(progress_of(steps))
    expect(words).to_be_visible()
    return words, steps


def x_range(page: Page) -> list[float]:
    return page.evaluate(
        """() => {
            const node = document.querySelector('.gmm-figure[data-figure="loss"]');
            return (node.querySelector('.js-plotly-plot') || node).layout.xaxis.range;
        }"""
    )


def test_first_screen_shows_the_tutorials_fit_without_a_click(page: Page):
    expect(answer(page)).to_contain_text("Two components explain these 5 points")
    expect(answer(page)).to_contain_text("near 10.98")
    expect(chart(page, "density").locator(".main-svg").first).to_be_visible()
    expect(page.get_by_text("Learned parameters")).to_be_visible()


def test_streamed_fit_keeps_its_chart_and_zoom(page: Page):
    settled(page)
    use_pyro(page)
    set_number(page, "Steps", str(1001 + next(ANOTHER)))
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    loss = chart(page, "loss")
    expect(loss.locator(".scatterlayer path.js-line").first).to_be_attached()
    # The last run's curve stands there until this run's first is drawn.
    node = loss.element_handle()
    page.wait_for_function("node => node._fullLayout.xaxis.range[1] > 1000", arg=node)
    for _ in range(3):  # a drag that falls into a redraw is lost, as for a person
        box = loss.locator(".nsewdrag").first.bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 120, box["y"] + box["height"] - 20, steps=5)
        page.mouse.up()
        zoomed = x_range(page)
        if zoomed[1] - zoomed[0] < 800:
            break
    assert zoomed[1] - zoomed[0] < 800  # the whole axis is longer than 1000
    page.evaluate(
        """(node) => {
            const plot = node.querySelector('.js-plotly-plot') || node;
            plot.marked = 0;
            plot.on('plotly_afterplot', () => { plot.marked += 1; });
        }""",
        node,
    )
    marked = """() => {
        const node = document.querySelector('.gmm-figure[data-figure="loss"]');
        return (node.querySelector('.js-plotly-plot') || node).marked;
    }"""
    page.wait_for_function(f"() => ({marked})() >= 5")
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=300_000)
    assert page.evaluate(marked)
    assert x_range(page) == zoomed


def test_figures_go_on_between_two_drawings_of_the_page(page: Page):
    words, _ = stream(page)
    # Frames of one drawing of the page: while its words stay what they are.
    page.evaluate(
        """async (words) => {
            const node = document.querySelector('.gmm-figure[data-figure="loss"]');
            const plot = node.querySelector('.js-plotly-plot') || node;
            const points = () =>
                Math.max(...plot._fullData.map((t) => t.y.filter(Number.isFinite).length));
            let said = '', drawn = new Set();
            await new Promise((done) => plot.on('plotly_afterplot', () => {
                if (words.innerText !== said) drawn = new Set();
                said = words.innerText;
                drawn.add(points());
                if (drawn.size >= 2) done();
            }));
        }""",
        words.element_handle(),
    )
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()


def test_cancel_ends_a_run_and_keeps_what_was_entered(page: Page):
    settled(page)
    use_pyro(page)
    steps = str(3333 + next(ANOTHER))
    set_number(page, "Steps", steps)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    expect(page.get_by_label("Steps", exact=True)).to_have_value(steps)
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()


def test_link_opens_the_run_in_another_browser(page: Page, open_page: Callable[..., Page]):
    settled(page)
    before = page.url
    set_number(page, "Learning rate", "0.07")
    expect(page).not_to_have_url(before)
    expect(page).to_have_url(re.compile(r"run=[0-9a-f]{32}"))
    expect(page.get_by_text(FINISHED)).to_be_visible()
    other = open_page(page.url)
    expect(other.get_by_text(FINISHED)).to_be_visible()
    expect(other.get_by_label("Learning rate", exact=True)).to_have_value("0.07")
    assert other.url.split("run=")[1] == page.url.split("run=")[1]


def test_first_request_after_start_may_be_a_deep_link(
    app_server: Server, start: Callable[..., Server], open_page: Callable[..., Page]
):
    """Of a run that another server has stored; in `test_calm.py` it has no run."""
    page = open_page(f"{app_server.url}/fit")
    settled(page)
    set_number(page, "Starts", "83")
    expect(answer(page)).to_contain_text("of 83 starts agree")
    run = re.search(r"run=([0-9a-f]{32})", page.url)
    assert run
    page.close()
    fresh = start(folder=app_server.log.parent)
    opened = open_page(f"{fresh.url}/fit?run={run[1]}")
    expect(answer(opened)).to_contain_text("of 83 starts agree")
    expect(opened).to_have_url(re.compile(run[1]))


def test_unknown_run_is_answered_in_a_sentence(app_server: Server, open_page: Callable[..., Page]):
    page = open_page(f"{app_server.url}/fit?run=nonsense")
    expect(page.get_by_text("nonsense")).to_be_visible()
    expect(answer(page)).to_contain_text("Two components explain")


def test_phone_shows_everything_within_its_width(
    app_server: Server, open_page: Callable[..., Page]
):
    page = open_page(app_server.url, viewport=PHONE, touch=True)
    expect(answer(page)).to_contain_text("Two components explain")
    expect(chart(page, "density").locator(".main-svg").first).to_be_visible()
    wide = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= PHONE["width"]


def moved(page: Page, key: str, call: str) -> object:
    """Return what a script says of the Plotly node of a figure."""
    return page.evaluate(
        f"() => (({call})(document.querySelector('.gmm-figure[data-figure=\"{key}\"]')))"
    )


def click_point(page: Page, key: str, trace: str) -> None:
    """Click the first point of a named trace."""
    chart(page, key).scroll_into_view_if_needed()
    place = """([key, name]) => {
        const node = document.querySelector(`.gmm-figure[data-figure="${key}"]`);
        const trace = node._fullData.find((trace) => trace.name === name);
        const { xaxis, yaxis } = node._fullLayout;
        const box = node.getBoundingClientRect();
        return [
            box.x + xaxis._offset + xaxis.d2p(trace.x[0]),
            box.y + yaxis._offset + yaxis.d2p(trace.y[0]),
        ];
    }"""
    click_mark(page, lambda: page.evaluate(place, [key, trace]))


def test_click_on_a_start_opens_it_and_the_way_back_is_at_hand(page: Page):
    settled(page)
    click_point(page, "starts", "collapsed")
    expect(answer(page)).to_contain_text(re.compile(r"^Start \d+ collapsed at a loss of"))
    title = page.locator(".gtitle").get_by_text(re.compile(r"^Gradient norms of start \d+$"))
    expect(title).to_be_visible()
    expect(page.get_by_role("combobox", name="Show start")).to_have_value(
        re.compile(r"^\d+: collapsed$")
    )
    # Its own trajectory: one component has lost its weight at the end, and its prior has grown.
    expect(
        page.get_by_role("img", name=re.compile("prior of the weights (19|2\\d)"))
    ).to_be_visible()
    page.get_by_role("button", name="Back to the best").click()
    expect(answer(page)).to_contain_text("65 of 100 starts agree")


def test_start_is_opened_by_keyboard(page: Page):
    settled(page)
    box = page.get_by_role("combobox", name="Show start")
    box.focus()
    box.press_sequentially("17:")
    box.press("Enter")
    expect(answer(page)).to_contain_text("Start 17")


def test_fit_is_played_back_in_the_browser_alone(page: Page):
    settled(page)
    slider = page.get_by_role("slider", name="Frame of the fit")
    expect(slider).to_have_attribute("aria-valuetext", "step 200 of 200, loss 17.443")
    density = "node => Array.from(node._fullData.find((t) => t.name === 'component 1').y)"
    cursor = "node => node._fullData.find((t) => t.name === 'now').x[0]"
    before = moved(page, "trajectory", density)
    assert max(before) == pytest.approx(0.625 / (0.65143370 * (2 * math.pi) ** 0.5), rel=0.01)
    sent = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.webSocketFrameSent", lambda frame: sent.append(frame))
    slider.focus()
    slider.press("Home")
    # Which of the starts that end together is shown hangs on their last bits; all begin near 25.7.
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^step 0 of 200, loss 25\.\d"))
    assert moved(page, "trajectory", cursor) == 0
    first = moved(page, "trajectory", density)
    # The tutorial's start: half the weight, and a scale of 4.1.
    assert max(first) == pytest.approx(0.5 / (4.104875 * (2 * math.pi) ** 0.5), rel=0.01)
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(
        """() => {
            const node = document.querySelector('.gmm-figure[data-figure="trajectory"]');
            const at = node._fullData.find((t) => t.name === 'now').x[0];
            return at > 20 && at < 200;
        }"""
    )
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "step 200 of 200, loss 17.443")
    assert moved(page, "trajectory", density) == pytest.approx(before, abs=1e-4)
    assert sent == []


def test_played_fit_spends_its_time_where_it_moves_and_begins_again(page: Page):
    settled(page)
    page.get_by_text("Play the fit here").click()
    figure = chart(page, "trajectory")
    expect(figure).to_have_count(1)
    expect(chart(page, "density")).to_have_count(0)
    expect(figure.locator(".main-svg").first).to_be_visible()
    slider = page.get_by_role("slider", name="Frame of the fit")
    for _ in range(2):  # 1, 2, 0.25
        page.get_by_role("button", name=re.compile("^Speed")).click()
    expect(page.get_by_role("button", name="Speed 0.25")).to_be_visible()
    # Half of the way lies in the first of 200 steps, and takes a good part of the 32 seconds.
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="Pause").click()
    at = int(slider.input_value())
    assert 0 < at < 20
    page.get_by_role("button", name="Loop").click()
    page.get_by_role("button", name=re.compile("^Speed")).click()
    page.get_by_role("button", name=re.compile("^Speed")).click()
    slider.press("End")
    slider.press("ArrowLeft")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => Number(document.querySelector('.gmm-player input').value) < 100")
    page.get_by_role("button", name="Pause").click()


def test_slice_shows_the_path_from_start_to_end(page: Page):
    settled(page)
    path = """node => {
        const of = (name) => node._fullData.find((trace) => trace.name === name);
        return [of('path of the fit'), of('end')].map((t) => [t.x.at(-1), t.y.at(-1)]);
    }"""
    ends = moved(page, "slice", path)
    assert ends[0] == pytest.approx(ends[1], abs=1e-5)  # the path comes in single precision
    assert ends[1] == pytest.approx([10.98446, 0.49894], abs=1e-4)
    pick(page, "y axis", "scale")
    page.wait_for_function(
        """() => {
            const node = document.querySelector('.gmm-figure[data-figure="slice"]');
            return node._fullLayout.yaxis.type === 'log';
        }"""
    )
    assert moved(page, "slice", path)[1] == pytest.approx([10.98446, 0.65143], abs=1e-4)


def test_knob_moves_the_picture_without_a_button(page: Page):
    settled(page)
    slider = page.get_by_role("slider", name="Components K")
    slider.press("ArrowLeft")
    expect(answer(page)).to_contain_text("One component explains these 5 points")
    expect(page.get_by_role("img", name=re.compile("^Density over"))).not_to_have_attribute(
        "aria-label", re.compile("component 2")
    )
    slider.press("ArrowRight")
    expect(answer(page)).to_contain_text("Two components explain")
    set_number(page, "Concentration", "2")
    expect(answer(page)).to_contain_text("100 of 100 starts agree")
    set_number(page, "Steps", "77")
    expect(page.get_by_role("slider", name="Frame of the fit")).to_have_attribute(
        "aria-valuetext", re.compile("^step 77 of 77")
    )


def test_is_this_optimum_real_is_answered_by_em_in_words_and_numbers(page: Page):
    settled(page)
    page.locator("label", has_text="Ask EM").click()
    expect(page.get_by_text(re.compile("it ignores the priors"))).to_be_visible()
    expect(chart(page, "climbs").locator(".main-svg").first).to_be_visible()
    # The scale at the maximum of the likelihood is the square root of a half.
    table = page.get_by_role("table", name="Parameters, components matched")
    expect(table).to_contain_text("0.7071")


def test_the_mixture_beside_the_page_follows_its_controls(page: Page):
    settled(page)
    sidebar = page.get_by_test_id("stSidebarUserContent")
    for K in (3, 4):
        page.get_by_role("slider", name="Components K").press("ArrowRight")
        expect(sidebar.get_by_text(f"K = {K}")).to_be_visible()
    page.get_by_text("Shared covariance", exact=True).click()
    expect(sidebar.get_by_text(re.compile("spherical, own"))).to_be_visible()
    expect(sidebar.get_by_text(re.compile("K = "))).to_have_count(1)
