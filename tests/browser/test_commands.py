"""Requests that the playground offers to copy: they run, and return what the page shows."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import INSECURE, Run, Visit, Visits
from tests.browser.conftest import KEY
from tests.servers import ROOT, Server, environment

pytestmark = pytest.mark.slow

GOOD = "A superb film, moving and wonderful."
LANGUAGES = ("curl", "python", "typescript")
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def copy(visit: Visit, language: str, endpoint: str = "predict") -> str:
    if visit.page.locator("#api").get_attribute("open") is None:
        visit.page.get_by_text("Use the API").click()
    visit.page.get_by_label("Language").select_option(language)
    visit.page.get_by_label("Endpoint").select_option(endpoint)
    visit.page.get_by_role("button", name="Copy the request").click()
    expect(visit.page.locator("#copied")).to_contain_text("Copied.")
    text: str = visit.page.evaluate("navigator.clipboard.readText()")
    return text


def execute(program: str, script: str, folder: Path, suffix: str = "", **env: str) -> str:
    """Run a script from a file: a long one does not fit into an argument."""
    if program == "bash" and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    path = folder / f"script{suffix}"
    path.write_text(script, "utf-8")
    env = environment() | {"PYTHONPATH": str(ROOT / "clients/python")} | env
    done = subprocess.run([program, path], capture_output=True, text=True, timeout=30, env=env)
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
def test_requests_send_exactly_the_review(run: Run, served: Server, tmp_path: Path, review: str) -> None:
    call = {"base": f"{served.url}/", "endpoint": "predict", "review": review, "version": "", "withKey": False}
    curl, python, typescript = (run("commands.js", name, call) for name in LANGUAGES)
    expected = httpx.post(f"{served.url}/predict", json={"reviews": [review]}).json()
    assert json.loads(execute("bash", curl, tmp_path)) == expected
    body = execute("bash", f"curl() {{ printf '%s\\n' \"$@\"; cat; }}\n{curl}", tmp_path).splitlines()[-1]
    assert json.loads(body) == {"reviews": [review]}
    (sent,) = [node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.List)]
    assert ast.literal_eval(sent) == [review]
    if shutil.which("node"):
        echo = "globalThis.fetch = async (_, { body }) => ({ ok: true, json: async () => body });\n"
        shown = execute("node", f"{echo}{typescript}", tmp_path, ".mjs")
        assert json.loads(shown) == {"reviews": [review]}


def test_requests_return_what_the_page_shows(visits: Visits, served: Server, tmp_path: Path) -> None:
    visit = visits(served.url, **CLIPBOARD)
    visit.arrive()
    visit.explain(GOOD)
    shown = visit.page.locator("#response")
    for endpoint, answers in (("explain", "explanations"), ("predict", "predictions")):
        response = json.loads(execute("bash", copy(visit, "curl", endpoint), tmp_path))
        expect(shown).to_contain_text(f'"{answers}"')
        assert json.loads(shown.inner_text()) == response
    probability = response["predictions"][0]["positive_probability"]
    expect(visit.page.get_by_role("meter")).to_have_attribute("aria-valuenow", f"{100 * probability:.1f}")
    assert f"positive_probability={probability}" in execute(sys.executable, copy(visit, "python"), tmp_path)
    visit.explain("Another superb film, as moving as the first")
    expect(visit.page.locator("#request")).to_contain_text("Another superb film")


def test_requests_read_the_key_from_the_environment(visits: Visits, guarded: Server, tmp_path: Path) -> None:
    visit = visits(guarded.url, **CLIPBOARD)
    visit.open()
    visit.enter_key(KEY)
    visit.explain(GOOD)
    programs = {language: copy(visit, language) for language in LANGUAGES}
    expect(visit.page.locator("#copied")).to_contain_text("Set SENTIMENT_KEY to your key")
    assert KEY not in "".join(programs.values())
    assert "predictions" in execute("bash", programs["curl"], tmp_path, SENTIMENT_KEY=KEY)
    assert "positive" in execute(sys.executable, programs["python"], tmp_path, SENTIMENT_KEY=KEY)
    if shutil.which("node"):
        assert "predictions" in execute("node", programs["typescript"], tmp_path, ".mjs", SENTIMENT_KEY=KEY)


def test_request_is_selected_where_copying_is_forbidden(visits: Visits, served: Server) -> None:
    """Over plain HTTP, except on localhost."""
    visit = visits(served.url.replace("127.0.0.1", INSECURE))
    visit.arrive()
    visit.page.get_by_text("Use the API").click()
    visit.page.get_by_role("button", name="Copy the request").click()
    expect(visit.page.locator("#copied")).to_contain_text("press Ctrl+C")
    assert visit.page.evaluate("getSelection().toString()").startswith(f"curl -s 'http://{INSECURE}")
