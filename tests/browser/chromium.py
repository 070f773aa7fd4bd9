"""A real browser, and a page in it that may talk to one server alone."""

import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Playwright,
    Route,
    expect,
)

NAMES = ("chromium", "chromium-browser", "google-chrome")
OUTPUT = Path(__file__).parent / "output"
"""Where screenshots go; git ignores it."""

INSECURE = "insecure.test"
"""A name of this machine that browsers do not trust as they do localhost."""

ARGUMENTS = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find_chromium() -> str | None:
    """The browser's program: what CHROMIUM names, or the first that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright, program: str) -> Browser:
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium refuses to start as root with it
    return playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *sandbox])


@dataclass
class Visit:
    """A page at a server.

    Attributes:
        page: In a context of its own.
        url: The server's.
        outside: What the page asked of others; refused.
        complaints: What the browser had to say: errors, refusals by the policy, dialogs. Answers with an error status
            are not among them.
    """

    page: Page
    url: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(f"{self.url}{path}")

    def write(self, text: str) -> None:
        self.page.get_by_label("Write or paste a review").fill(text)

    def ask(self, text: str) -> None:
        """Write a review and wait until it is answered."""
        with self.page.expect_response("**/explain") as answer:
            self.write(text)
        assert answer.value.status == 200
        expect(self.verdict).not_to_have_text("Nothing yet")
        expect(self.words).to_have_text(text, use_inner_text=True)

    def drop(self, name: str, content: str | bytes) -> None:
        """Drop a file on the page, as a mouse would."""
        octets = content.encode() if isinstance(content, str) else content
        self.page.evaluate(
            """([name, octets]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([Uint8Array.from(atob(octets), (sign) => sign.charCodeAt(0))], name));
                for (const type of ["dragover", "drop"])
                    document.getElementById("drop").dispatchEvent(
                        new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            }""",
            [name, b64encode(octets).decode()],
        )

    def scored(self) -> None:
        """Wait until all rows of a file are."""
        expect(self.page.locator("#batch-status")).to_contain_text(": ")
        expect(self.page.locator("#stop")).to_be_hidden()

    def rows(self) -> list[list[str]]:
        """What the table of results shows."""
        rows: list[list[str]] = self.page.evaluate(
            "[...document.querySelectorAll('#results tbody tr')].map((row) => [...row.cells].map((c) => c.textContent))"
        )
        return rows

    @property
    def verdict(self) -> Locator:
        return self.page.locator("#verdict-label")

    @property
    def reason(self) -> Locator:
        return self.page.locator("#verdict-reason")

    @property
    def problem(self) -> Locator:
        return self.page.locator("#problem p")

    @property
    def words(self) -> Locator:
        return self.page.locator("#words")

    @property
    def numbers(self) -> Locator:
        return self.page.get_by_role("tooltip")


@contextmanager
def visiting(context: BrowserContext, url: str) -> Iterator[Visit]:
    """Open a page that may talk to one server alone, and see at the end that it tried nothing else."""
    visit = Visit(context.new_page(), url)
    origin = "{0.scheme}://{0.netloc}/".format(urlsplit(url))

    def guard(route: Route) -> None:
        visit.outside.append(route.request.url)
        route.abort()

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            visit.complaints.append(message.text)

    def refuse(dialog: Dialog) -> None:
        visit.complaints.append(dialog.message)
        dialog.dismiss()

    context.route(re.compile(f"^(?!{re.escape(origin)})"), guard)
    visit.page.on("console", hear)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on("dialog", refuse)
    yield visit
    assert not visit.outside
    assert not visit.complaints
