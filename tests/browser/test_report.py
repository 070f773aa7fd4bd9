"""The page that `evaluate --report` writes, in a browser: it loads nothing, fits on a phone, and axe finds nothing."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import expect

from tests.browser.chromium import Visits
from tests.evaluation.labelled import texts, write_csv
from tests.terminal.terminals import piped

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    rows = [(text, int(positive)) for text, positive in texts()]
    my = write_csv(
        folder / "my.csv", [*rows, ("Superb, wonderful, excellent! <script>alert(1)</script>" + "x" * 500, 0)]
    )
    assert piped("evaluate", str(my), "--report", str(folder / "report.html")).returncode == 0
    return folder / "report.html"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_report_in_a_browser(visits: Visits, report: Path, scheme: str, width: int) -> None:
    visit = visits(report.parent.as_uri(), color_scheme=scheme, viewport={"width": width, "height": 850})
    visit.open("/report.html")  # the visit fails if the page loads anything else, or violates its own policy
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("my.csv")
    expect(visit.page.get_by_role("img")).to_have_count(2)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    result = Axe().run(visit.page)
    assert result.violations_count == 0, result.generate_report()
