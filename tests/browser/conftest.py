"""Fixtures: Chromium, the real service with the shipped bundle, and pages that may talk to it alone.

They end with this package: while Playwright runs, nobody else may run an event loop in this thread.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import NAMES, Visit, find_chromium, launch, visiting
from tests.servers import Server, serving

KEY = "a-key-for-the-browser-tests"

expect.set_options(timeout=30_000)  # milliseconds; the five that are usual are few on a busy machine


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed, and CHROMIUM names no other")
    with sync_playwright() as playwright:
        browser = launch(playwright, program)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def tight() -> Iterator[Server]:
    """The service with the shipped bundle and limits that are easy to exceed."""
    with serving(runtime="litert", max_reviews=4, max_characters=200, max_body_bytes=600) as server:
        yield server


@pytest.fixture(scope="package")
def guarded() -> Iterator[Server]:
    """The same for those who have a key."""
    with serving(runtime="litert", api_keys=KEY) as server:
        yield server


@pytest.fixture
def visits(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens pages: `visits(url, **options of the browser's context)`."""
    with ExitStack() as pages:

        def visit(url: str, **options: Any) -> Visit:
            context = browser.new_context(**options)
            pages.callback(context.close)
            return pages.enter_context(visiting(context, url))

        yield visit


@pytest.fixture(scope="package")
def run(browser: Browser, served: Server) -> Iterator[Callable[..., Any]]:
    """Runs a function of the playground's scripts in the browser: `run("csv.js", "writeCsv", rows)`."""
    context = browser.new_context()
    with visiting(context, served.url) as visit:
        visit.open()
        yield lambda module, function, *arguments: visit.page.evaluate(
            "async ([module, name, arguments]) => (await import(`./playground/${module}`))[name](...arguments)",
            [module, function, arguments],
        )
    context.close()


@pytest.fixture
def visit(visits: Callable[..., Visit], served: Server) -> Visit:
    """The playground, open."""
    visit = visits(served.url)
    visit.open()
    return visit
