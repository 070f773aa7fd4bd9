"""Fixtures: Chromium, the real service with the shipped bundle, and pages that may only reach it.

They end with this package: while Playwright runs, no other event loop can run in this thread.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import NAMES, Run, Visit, Visits, find_chromium, launch, visiting
from tests.servers import Server, serving

KEY = "a-key-for-the-browser-tests"

expect.set_options(timeout=30_000)  # milliseconds; the default of 5,000 is too short on a busy machine


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip(f"no browser: install {' or '.join(NAMES)}, or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = launch(playwright, program)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def guarded() -> Iterator[Server]:
    """The service with an API key, and limits that are easy to exceed."""
    with serving(runtime="numpy", api_keys=KEY, max_reviews=4, max_characters=200, max_body_bytes=600) as server:
        yield server


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    with ExitStack() as stack:

        def visit(url: str, **options: Any) -> Visit:
            context = browser.new_context(**options)
            stack.callback(context.close)
            return stack.enter_context(visiting(context, url))

        yield visit


@pytest.fixture
def visit(visits: Visits, served: Server) -> Visit:
    """The playground with its first example."""
    visit = visits(served.url)
    visit.arrive()
    return visit


@pytest.fixture(scope="package")
def versions() -> Iterator[Server]:
    """The service with both shipped versions."""
    with serving(runtime="numpy", model_version="3,1") as server:
        yield server


@pytest.fixture
def comparing(visits: Visits, versions: Server) -> Visit:
    """The playground of the service with both versions, with its first example."""
    visit = visits(versions.url)
    visit.arrive()
    return visit


@pytest.fixture
def limited_visit(visits: Visits, guarded: Server) -> Visit:
    """The playground of the service with limits, with its key; not yet open."""
    visit = visits(guarded.url)
    visit.page.add_init_script(f"sessionStorage.setItem('key', '{KEY}')")
    return visit


@pytest.fixture(scope="package")
def run(browser: Browser, served: Server) -> Iterator[Run]:
    context = browser.new_context()
    with visiting(context, served.url) as visit:
        visit.open()
        yield lambda module, function, *arguments: visit.page.evaluate(
            "async ([module, name, arguments]) => (await import(`./playground/${module}`))[name](...arguments)",
            [module, function, arguments],
        )
    context.close()
