"""Commands that the playground gives to copy: they are run, and answer what the page shows."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import INSECURE, Visit
from tests.browser.conftest import KEY
from tests.servers import Server, environment

REVIEWS = [
    "A superb film, moving and wonderful.",
    """It's "superb", isn't it? `echo moved` $HOME ${PATH} $(date) !! !x \\ \\n \\u0041 %s %% ~ #no *?[a]""",
    "superb a;b|c&d <e> (f) {g} {h,i} ~root \\ ^x ^",
    "line one\nline two\r\nline\tthree\n\n'END'\nEND\n",
    "naïve “café” — 😀 👨‍👩‍👧 \u2028\u2029\u00a0\u200b 日本語 \x01\x7f\x85 superb",
    "'''\"\"\"\\'\\\"",
    "@superb -d x",
]


def copied(visit: Visit, button: str) -> str:
    visit.page.get_by_role("button", name=button).click()
    expect(visit.page.locator("#copied")).to_contain_text("Copied.")
    text: str = visit.page.evaluate("navigator.clipboard.readText()")
    return text


def run_bash(command: str, folder: Path, **env: str) -> str:
    """From a file, as a long command would not go into an argument."""
    script = folder / "command.sh"
    script.write_text(command, "utf-8")
    done = subprocess.run(
        ["bash", "-eu", str(script)], capture_output=True, text=True, timeout=30, env=environment() | env, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_python(program: str, folder: Path, **env: str) -> str:
    script = folder / "program.py"
    script.write_text(program, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=30, env=environment() | env, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("review", REVIEWS)
def test_commands_send_the_review_as_it_is(
    run: Callable[..., Any], served: Server, tmp_path: Path, review: str
) -> None:
    expected = httpx.post(f"{served.url}/predict", json={"reviews": [review]}).json()
    question = (f"{served.url}/predict", review, False)
    assert json.loads(run_bash(run("commands.js", "curlCommand", *question), tmp_path)) == expected
    assert ast.literal_eval(run_python(run("commands.js", "httpxProgram", *question), tmp_path)) == expected


@pytest.mark.parametrize("review", REVIEWS)
def test_commands_hold_the_very_characters(run: Callable[..., Any], tmp_path: Path, review: str) -> None:
    """Whatever the model makes of them."""
    command: str = run("commands.js", "curlCommand", "http://x/predict", review, False)
    body = run_bash(command.replace("curl", "printf '%s\\n'", 1), tmp_path).splitlines()[-1]
    assert json.loads(body) == {"reviews": [review]}
    program: str = run("commands.js", "httpxProgram", "http://x/predict", review, False)
    (sent,) = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Dict)]
    assert ast.literal_eval(sent) == {"reviews": [review]}


def test_commands_carry_the_longest_review(run: Callable[..., Any], served: Server, tmp_path: Path) -> None:
    review = "superb'😀" * 6250
    expected = httpx.post(f"{served.url}/predict", json={"reviews": [review]}).json()
    question = (f"{served.url}/predict", review, False)
    assert json.loads(run_bash(run("commands.js", "curlCommand", *question), tmp_path)) == expected
    assert ast.literal_eval(run_python(run("commands.js", "httpxProgram", *question), tmp_path)) == expected


def test_commands_are_copied_and_answer_what_the_page_shows(
    visits: Callable[..., Visit], served: Server, tmp_path: Path
) -> None:
    visit = visits(served.url, permissions=["clipboard-read", "clipboard-write"])
    visit.open()
    visit.ask(REVIEWS[0])
    shown = float(visit.page.get_by_role("meter").get_attribute("aria-valuenow") or "nan") / 100
    curl, program = copied(visit, "Copy as curl"), copied(visit, "Copy as Python (httpx)")
    for answer in (json.loads(run_bash(curl, tmp_path)), ast.literal_eval(run_python(program, tmp_path))):
        assert answer["predictions"][0]["positive_probability"] == pytest.approx(shown, abs=0.0005)
    visit.page.get_by_text("Show them").click()
    expect(visit.page.get_by_role("region", name="curl command")).to_have_text(curl)
    visit.ask("Another superb film, as moving as the first")
    expect(visit.page.get_by_role("region", name="curl command")).to_contain_text("Another superb film")


def test_commands_ask_for_the_key_and_do_not_hold_it(
    visits: Callable[..., Visit], guarded: Server, tmp_path: Path
) -> None:
    visit = visits(guarded.url, permissions=["clipboard-read", "clipboard-write"])
    visit.open()
    visit.page.get_by_label("Key", exact=True).fill(KEY)
    visit.page.get_by_role("button", name="Use it").click()
    visit.ask(REVIEWS[0])
    curl, program = copied(visit, "Copy as curl"), copied(visit, "Copy as Python (httpx)")
    expect(visit.page.locator("#copied")).to_have_text("Copied. Set SENTIMENT_KEY to your key first.")
    assert KEY not in curl + program
    assert "predictions" in json.loads(run_bash(curl, tmp_path, SENTIMENT_KEY=KEY))
    assert "predictions" in ast.literal_eval(run_python(program, tmp_path, SENTIMENT_KEY=KEY))


def test_command_is_selected_where_browsers_forbid_to_copy(visits: Callable[..., Visit], served: Server) -> None:
    """Over plain HTTP, unless it is localhost."""
    visit = visits(served.url.replace("127.0.0.1", INSECURE))
    visit.open()
    visit.ask(REVIEWS[0])
    visit.page.get_by_role("button", name="Copy as curl").click()
    expect(visit.page.locator("#copied")).to_contain_text("press Ctrl+C")
    assert visit.page.evaluate("getSelection().toString()").startswith(f"curl -s 'http://{INSECURE}")
