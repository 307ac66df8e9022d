"""The exported report opens in a browser without network and draws its figures."""

from pathlib import Path

from playwright.sync_api import Browser, expect

import gmm_core as gmm
from gmm_core.sharing.report import report


def test_the_report_opens_offline(browser: Browser, tmp_path: Path) -> None:
    data = gmm.Dataset.from_values(gmm.example("tutorial").values, ["<b>bold</b>"], name="a & b")
    mixture = gmm.Mixture()
    options = gmm.MapOptions(restarts=20, steps=60, choose="final", polish=True)
    spec = gmm.Specification(dataset=data, mixture=mixture, options=options)
    path = tmp_path / "report.html"
    path.write_text(report(spec, gmm.fit_map(data, mixture, options)), encoding="utf-8")

    context = browser.new_context(offline=True)
    page, wrong = context.new_page(), []
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: wrong.append(r.url) if r.url.startswith("http") else None)
    page.goto(path.as_uri())
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    expect(page.locator(".plot:has(.main-svg)")).to_have_count(3)
    expect(page.locator("b")).to_have_count(0)
    expect(page.get_by_role("table").first).to_contain_text("0.625")
    # Everything the figures draw was allowed by the report's own policy.
    assert not wrong
    context.close()
