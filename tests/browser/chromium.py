"""A real browser, and pages in it that may only reach one server."""

import os
import re
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Route, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
DETAIL = '{"detail": "There is trouble."}'
INSECURE = "insecure.test"
"""Resolves to this machine, but is not a secure context as localhost is."""


def find_chromium() -> str | None:
    """Find the browser: CHROMIUM, or the first one installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright, program: str) -> Browser:
    hosts = f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    arguments = ["--disable-background-networking", hosts]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to run as root with it
    return playwright.chromium.launch(executable_path=program, args=arguments)


class Visit:
    """The playground of a server, in a browser context of its own.

    Attributes:
        page: The page; the other attributes are parts of it.
        url: The address of the server.
        blocked: Requests to other servers.
        errors: Errors and warnings on the console, except failed requests.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.blocked: list[str] = []
        self.errors: list[str] = []
        self.verdict, self.share, self.reason = (
            page.locator(f".{name}").first for name in ("verdict", "share", "reason")
        )
        self.problem, self.file_problem = page.locator("#problem p"), page.locator("#file-problem p")
        self.text, self.sentences = page.locator("#text"), page.locator("#text [role=option]")
        self.table, self.status = page.locator("#results"), page.locator("#batch-status")
        self.facts = page.locator("#facts")

    def open(self, path: str = "/") -> None:
        self.page.goto(f"{self.url}{path}")

    def arrive(self) -> None:
        """Open the page and wait until its first example is explained."""
        self.open()
        expect(self.text).not_to_be_empty()

    def write(self, text: str) -> None:
        self.page.get_by_label("Write or paste a review").fill(text)

    def explain(self, text: str) -> None:
        """Write a review and wait until it is explained."""
        with self.page.expect_response(re.compile("/explain")) as response:
            self.write(text)
        assert response.value.status == 200
        expect(self.text).to_have_text(text)

    def enter_key(self, key: str) -> None:
        self.page.get_by_label("API key", exact=True).fill(key)
        self.page.keyboard.press("Enter")

    def drop(self, name: str, content: str | bytes) -> None:
        """Drop a file on the page, as a mouse would."""
        encoded = b64encode(content.encode() if isinstance(content, str) else content).decode()
        self.page.evaluate(
            """([name, encoded]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([Uint8Array.from(atob(encoded), (byte) => byte.charCodeAt(0))], name));
                for (const type of ["dragover", "drop"])
                    document.getElementById("drop").dispatchEvent(
                        new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            }""",
            [name, encoded],
        )

    def score(self, name: str, content: str | bytes) -> list[list[str]]:
        """Drop a file, wait until all its rows are scored, and return the cells of the table."""
        self.drop(name, content)
        self.wait_scored()
        return self.rows()

    def wait_scored(self) -> None:
        expect(self.status).to_contain_text(": ")
        expect(self.page.locator("#stop")).to_be_hidden()

    def verdicts(self) -> str:
        """Read how often each verdict occurs in the file: "Negative 1, Positive 2"."""
        return ", ".join(self.page.locator("#chips button:enabled").all_inner_texts())

    def rows(self) -> list[list[str]]:
        """Read the cells of the table of results."""
        rows: list[list[str]] = self.page.evaluate(
            "[...document.querySelectorAll('#results tbody tr')].map((row) => [...row.cells].map((c) => c.textContent))"
        )
        return rows

    def wait_still(self) -> None:
        """Wait until no animation is running."""
        self.page.evaluate("Promise.allSettled(document.getAnimations().map((animation) => animation.finished))")

    def respond(self, path: str, times: int = 1000, status: int = 503, body: str = DETAIL, **headers: str) -> None:
        """Respond to the next requests as the service only does under load, or when it is broken."""
        headers = {"Content-Type": "application/problem+json", "X-Request-ID": "abc", "Retry-After": "1"} | headers
        self.page.route(path, lambda route: route.fulfill(status=status, headers=headers, body=body), times=times)

    def hold(self, path: str, times: int = 1000) -> list[Route]:
        """Hold back the next requests; the list grows with them, and `fallback` lets one pass."""
        held: list[Route] = []
        self.page.route(path, lambda route: held.append(route), times=times)  # noqa: PLW0108  # it needs a signature
        return held


Visits = Callable[..., Visit]
"""Creates pages: `visits(url, **options)`, with the options of a browser context."""
Run = Callable[..., Any]
"""Runs a function of the playground in the browser: `run("csv.js", "writeCsv", rows)`."""


@contextmanager
def visiting(context: BrowserContext, url: str) -> Iterator[Visit]:
    """Open a page that may only reach one server; fails if it tried to reach another, or logged an error."""
    visit = Visit(context.new_page(), url)

    def block(route: Route) -> None:
        visit.blocked.append(route.request.url)
        route.abort()

    def log(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            visit.errors.append(message.text)

    context.route(re.compile(f"^(?!{re.escape(url)}/)"), block)
    visit.page.on("console", log)
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    yield visit
    assert not visit.blocked
    assert not visit.errors
