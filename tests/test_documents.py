"""What the documents say matches the code: settings, errors, endpoints, fields, examples, links and locks."""

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from app import __version__
from app.api.errors import PROBLEMS
from app.main import create_app
from app.settings import PREFIX, Settings, default_of, description_of
from tests import reference
from tests.models import NEWEST
from tests.servers import ROOT, Server

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs/reference/service.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def examples(*languages: str, protocols: bool = False) -> list[Any]:
    """The code blocks of all pages that send requests to the service, except interactive Python sessions.

    With `protocols`, those for clients of other protocols, which have an environment of their own.
    """
    return [
        pytest.param(language, block, id=f"{page.name}-{language}-{number}")
        for page in PAGES
        for language in languages
        for number, block in enumerate(blocks(language, page.read_text()))
        if ">>>" not in block and "127.0.0.1:8000" in block and not re.search("kubectl|docker", block)
        if bool(re.search("^(?:import|from) (?:tritonclient|kserve)", block, re.MULTILINE)) == protocols
    ]


def anchors(page: Path) -> set[str]:
    """The fragments of links to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def settings_in(page: str) -> dict[str, str]:
    return dict(re.findall(rf"^\| `({PREFIX}\w+)` \| (.*?) \|$", page, re.MULTILINE))


def test_tables_of_settings_match_the_code() -> None:
    expected = {}
    for name in Settings.model_fields:
        default = default_of(name)
        expected[PREFIX + name.upper()] = f"{f'`{default}`' if default else 'unset'} | {description_of(name)}"
    assert settings_in(REFERENCE) == expected


def test_table_of_errors_matches_the_code() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| (`.*?`) \|", REFERENCE.partition("## Errors")[2], re.MULTILINE)
    documented = set()
    for statuses, types in rows:  # one status for all types, or one for each
        names, numbers = re.findall(r"`([a-z-]+)`", types), [int(status) for status in statuses.split(", ")]
        documented |= set(zip(numbers if len(numbers) > 1 else numbers * len(names), names, strict=True))
    kinds = [kind for kind in PROBLEMS.values() if kind.status != 400]
    assert documented == {(kind.status, kind.type) for kind in kinds}


def test_table_of_endpoints_is_complete() -> None:
    documented = " ".join(re.findall(r"^\| (`.*?) \|$", REFERENCE.partition("## Endpoints")[2], re.MULTILINE))
    for path in {route.path for route in create_app(Settings()).routes if isinstance(route, APIRoute)}:
        if "versions" not in path and "{name}" not in path:
            name, _, action = path.format(model_name="imdb", version=NEWEST).rpartition(":")
            assert f"{name or action}`" in documented, path


def test_tables_of_fields_match_the_schemas() -> None:
    assert reference.PAGE.read_text() == reference.generated(), "outdated: run `make openapi`"


def test_readme_names_this_version_and_existing_make_targets() -> None:
    assert f"version-{__version__}-blue" in README
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set() < set(re.findall(r"make ([a-z-]+)", README)) <= targets


@pytest.mark.parametrize(("language", "example"), examples("sh", "python"))
def test_example_runs(served: Server, language: str, example: str) -> None:
    if "curl " in example and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = ["bash", "-euc"] if language == "sh" else [sys.executable, "-c"]
    code = example.replace("http://127.0.0.1:8000", served.url)
    env = os.environ | {"PYTHONPATH": str(ROOT / "clients/python")}
    done = subprocess.run([*command, code], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert re.search('positive|"(?:outputs|predictions|detail|status)":', done.stdout)
    assert '"error"' not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("language", "example"), examples("java"))
def test_example_in_java_runs(served: Server, tmp_path: Path, language: str, example: str) -> None:
    if shutil.which("java") is None or subprocess.run(["java", "--version"], capture_output=True).returncode:
        pytest.skip("Java 11 or newer is not installed")
    source = tmp_path / "Score.java"
    source.write_text(example.replace("http://127.0.0.1:8000", served.url))
    done = subprocess.run(["java", str(source)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert re.search('^200 .*"positive".*"negative"', done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("language", "example"), examples("python", protocols=True))
def test_example_of_another_protocols_client_runs(served: Server, protocols: Path, language: str, example: str) -> None:
    code = example.replace("127.0.0.1:8000", served.url.removeprefix("http://"))
    done = subprocess.run([protocols, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = map(float, re.findall(r"0\.\d+", done.stdout))
    assert first > 0.5 > second


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page.name == "book.md" else []) for page in PAGES],
    ids=[page.name for page in PAGES],
)
def test_page_has_working_links_and_right_python_sessions(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, fragment in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
        linked = page.parent / target if target else page
        assert "://" in target or linked.exists(), target
        assert not fragment or linked.suffix != ".md" or fragment in anchors(linked), f"{target}#{fragment}"
    monkeypatch.chdir(ROOT)
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def test_lines_that_the_walkthrough_extends_exist() -> None:
    steps = (ROOT / "CONTRIBUTING.md").read_text().replace("\n   ", "\n")  # code in a list is indented
    files = re.findall(r"^\+\+\+ b/(\S+)\n((?:@@\n|[ +].*\n)+)", "".join(blocks("diff", steps)), re.MULTILINE)
    assert len(files) == 3
    for path, lines in files:
        for line in re.findall("^ (.+)$", lines, re.MULTILINE):
            assert line in (ROOT / path).read_text().splitlines(), f"{path}: {line}"


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/quickstart.md"])
def test_response_of_the_first_example_is_shown(served: Server, page: str) -> None:
    text = (ROOT / page).read_text()
    command, *_ = blocks("sh", text)
    response, *_ = blocks("json", text)
    (body,) = re.findall(r"-d '(.*)'", command)
    predictions = httpx.post(f"{served.url}/predict", json=json.loads(body)).json()["predictions"]
    for prediction, shown in zip(predictions, json.loads(response)["predictions"], strict=True):
        rounded = pytest.approx(prediction["positive_probability"], abs=0.00006)
        assert shown == prediction | {"positive_probability": rounded}


def test_locks_have_hashes_no_host_and_only_what_is_needed() -> None:
    names = {}
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        names[path.stem] = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
        assert "://" not in text
        assert all("--hash=sha256:" in requirement for requirement in re.split(r"\n(?=\S)", text.strip()))
    assert {"fastapi", "uvicorn", "tensorflow"} <= names["serving"] < names["training"] < names["development"]
    assert not {"matplotlib", "pytest", "httpx"} & names["serving"]
    assert {"fastapi", "numpy"} <= names["numpy"]
    assert {"scikit-learn", "scipy", "jinja2"} <= names["evaluation"]
    assert "matplotlib" in names["training"] - names["evaluation"]
    assert not {"tensorflow", "tensorflow-cpu", "keras"} & (names["numpy"] | names["evaluation"])
