"""Commands that the playground offers to copy: they run, and return what the page shows."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import INSECURE, Run, Visit, Visits
from tests.browser.conftest import KEY
from tests.servers import Server, environment

GOOD = "A superb film, moving and wonderful."
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def copy(visit: Visit, button: str) -> str:
    visit.page.get_by_role("button", name=button).click()
    expect(visit.page.locator("#copied")).to_contain_text("Copied.")
    text: str = visit.page.evaluate("navigator.clipboard.readText()")
    return text


def execute(program: str, script: str, folder: Path, **env: str) -> str:
    """Run a script from a file: a long one does not fit into an argument."""
    path = folder / "script"
    path.write_text(script, "utf-8")
    done = subprocess.run(
        [program, path], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, env=environment() | env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "review",
    [
        """It's "superb", isn't it? `echo moved` $HOME ${PATH} $(date) !! !x \\ \\n \\u0041 %s %% ~ #no *?[a]""",
        "line one\nline two\r\nline\tthree\n\n'END'\nEND\n",
        "naïve “café” — 😀 👨‍👩‍👧 \u2028\u2029\u00a0\u200b 日本語 \x01\x7f\x85 superb '''\"\"\"\\'\\\"",
        "@superb -d x",
        "superb'!" * 6250,
    ],
    ids=["shell", "lines", "unicode", "curl", "longest"],
)
def test_commands_send_exactly_the_review(run: Run, served: Server, tmp_path: Path, review: str) -> None:
    address = f"{served.url}/predict"
    curl, program = (run("commands.js", name, address, review, False) for name in ("curlCommand", "httpxProgram"))
    expected = httpx.post(address, json={"reviews": [review]}).json()
    assert json.loads(execute("bash", curl, tmp_path)) == expected
    body = execute("bash", f"curl() {{ printf '%s\\n' \"$@\"; cat; }}\n{curl}", tmp_path).splitlines()[-1]
    assert json.loads(body) == {"reviews": [review]}
    (sent,) = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Dict)]
    assert ast.literal_eval(sent) == {"reviews": [review]}


def test_commands_are_copied_and_return_what_the_page_shows(visits: Visits, served: Server, tmp_path: Path) -> None:
    visit = visits(served.url, **CLIPBOARD)
    visit.open()
    visit.explain(GOOD)
    shown = float(visit.page.get_by_role("meter").get_attribute("aria-valuenow") or "nan") / 100
    curl, program = copy(visit, "Copy as curl"), copy(visit, "Copy as Python (httpx)")
    for response in (
        json.loads(execute("bash", curl, tmp_path)),
        ast.literal_eval(execute(sys.executable, program, tmp_path)),
    ):
        assert response["predictions"][0]["positive_probability"] == pytest.approx(shown, abs=0.0005)
    visit.page.get_by_text("Show commands").click()
    expect(visit.page.get_by_role("region", name="curl command")).to_have_text(curl)
    visit.explain("Another superb film, as moving as the first")
    expect(visit.page.get_by_role("region", name="curl command")).to_contain_text("Another superb film")


def test_commands_read_the_key_from_the_environment(visits: Visits, guarded: Server, tmp_path: Path) -> None:
    visit = visits(guarded.url, **CLIPBOARD)
    visit.open()
    visit.enter_key(KEY)
    visit.explain(GOOD)
    curl, program = copy(visit, "Copy as curl"), copy(visit, "Copy as Python (httpx)")
    expect(visit.page.locator("#copied")).to_contain_text("Set SENTIMENT_KEY to your key")
    assert KEY not in curl + program
    assert "predictions" in execute("bash", curl, tmp_path, SENTIMENT_KEY=KEY)
    assert "predictions" in execute(sys.executable, program, tmp_path, SENTIMENT_KEY=KEY)


def test_command_is_selected_where_copying_is_forbidden(visits: Visits, served: Server) -> None:
    """Over plain HTTP, except on localhost."""
    visit = visits(served.url.replace("127.0.0.1", INSECURE))
    visit.open()
    visit.explain(GOOD)
    visit.page.get_by_role("button", name="Copy as curl").click()
    expect(visit.page.locator("#copied")).to_contain_text("press Ctrl+C")
    assert visit.page.evaluate("getSelection().toString()").startswith(f"curl -s 'http://{INSECURE}")
