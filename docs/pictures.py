"""Takes the README's pictures from the running app: `make pictures`."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser.conftest import CHROMIUM, FLAGS, connected, serving  # noqa: E402

PAGES = {"fit": "slice", "compare": "", "posterior": "boundary"}
SIZE = {"width": 1280, "height": 860}


def main() -> None:
    """Start the app on a database of its own, open each page, and save what is seen."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(ROOT / "app.py", Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport=SIZE, reduced_motion="reduce").new_page()
        _done(page, f"{server.url}/tour")  # the first run of a start waits for its engine
        for name, last in PAGES.items():
            _done(page, f"{server.url}/{name}")
            if last:
                drawn = page.locator(f'[data-figure="{last}"] .main-svg').first
                expect(drawn).to_be_visible(timeout=60_000)
            connected(page)
            target = ROOT / "docs" / f"{name}.png"
            page.screenshot(path=target)
            # Few colours are seen in a chart: 128 make a third of the file.
            with Image.open(target) as picture:
                reduced = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
            reduced.save(target, optimize=True)
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")
        browser.close()


def _done(page: Page, url: str) -> None:
    page.goto(url)
    connected(page)
    expect(page.get_by_text(re.compile("Done in")).first).to_be_visible(timeout=120_000)


if __name__ == "__main__":
    main()
