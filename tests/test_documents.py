"""What the documents say is what the code does: settings, commands, examples, locks."""

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.api.errors import FRAMEWORK_KINDS, KINDS
from app.inference.classifier import Classifier
from app.settings import PREFIX, Settings
from benchmarks.report import DOCUMENT, document, readme_table
from tests.servers import ROOT, Server

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs/reference.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def examples(language: str) -> list[Any]:
    """The blocks of README and of all pages, but those that are a session of Python's."""
    return [
        pytest.param(block, id=f"{page.name}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(language, page.read_text()))
        if ">>>" not in block and "127.0.0.1:8000" in block and not re.search("kubectl|docker", block)
    ]


def settings_in(page: str) -> dict[str, str]:
    return dict(re.findall(rf"^\| `({PREFIX}\w+)` \| (.*?) \|$", page, re.MULTILINE))


def test_tables_of_settings_are_the_code() -> None:
    expected = {}
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default is None else f"`{field.default}`"
        expected[PREFIX + name.upper()] = f"{default} | {field.description}"
    assert settings_in(REFERENCE) == expected
    assert len(settings_in(README)) == 6
    assert settings_in(README).items() <= expected.items()


def test_table_of_errors_is_the_code() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| (`.*?`) \|", REFERENCE.partition("## Errors")[2], re.MULTILINE)
    documented = {(int(status), type_) for statuses, types in rows for status, type_ in pairs(statuses, types)}
    kinds = [*KINDS.values(), *(kind for status, kind in FRAMEWORK_KINDS.items() if status != 400)]
    assert documented == {(kind.status, kind.type) for kind in kinds}


def pairs(statuses: str, types: str) -> list[tuple[str, str]]:
    """One status for all types, or one for each."""
    names = re.findall(r"`([a-z-]+)`", types)
    return list(zip(statuses.split(", ") if "," in statuses else [statuses] * len(names), names, strict=True))


def test_table_of_endpoints_is_the_code() -> None:
    documented = " ".join(re.findall(r"^\| (`.*?) \|$", REFERENCE.partition("## Endpoints")[2], re.MULTILINE))
    for path in json.loads((ROOT / "openapi.json").read_text())["paths"]:
        if "versions" not in path:
            name = path.format(model_name="imdb").rpartition(":")
            assert f"{name[0] or name[2]}" in documented, path


def test_performance_numbers_come_from_the_results() -> None:
    results = json.loads((ROOT / "benchmarks/results.json").read_text())
    assert DOCUMENT.read_text() == document(results)
    assert readme_table(results) in README
    assert all(measured for measured in results["contenders"].values())


def test_readme_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", README))
    assert named
    assert named <= targets


@pytest.mark.parametrize("example", examples("sh"))
def test_curl_example_runs(served: Server, example: str) -> None:
    command = example.replace("http://127.0.0.1:8000", served.url)
    done = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert re.findall('"(?:positive_probability|predictions|outputs|detail)":', done.stdout)
    assert '"error"' not in done.stdout


@pytest.mark.parametrize("example", examples("python"))
def test_python_example_runs(served: Server, example: str) -> None:
    command = example.replace("http://127.0.0.1:8000", served.url)
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "positive" in done.stdout


@pytest.mark.parametrize("example", examples("python protocols"))
def test_example_of_another_protocols_client_runs(served: Server, protocols: Path, example: str) -> None:
    command = example.replace("127.0.0.1:8000", served.url.removeprefix("http://"))
    done = subprocess.run([protocols, "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = map(float, re.findall(r"0\.\d+", done.stdout))
    assert first > 0.5 > second


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sessions_in_documents_are_what_python_answers(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.testfile(str(page), module_relative=False).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_readme_results_are_the_bundles() -> None:
    for version in "12":
        test = json.loads((ROOT / f"models/imdb/{version}/report/evaluation.json").read_text())["test"]
        (row,) = re.findall(rf"^\| `models/imdb/{version}`.*$", README, re.MULTILINE)
        assert f"{test['accuracy']:.3f}" in row
        assert f"{test['loss']:.3f}" in row
        assert f"{test['calibration_error']:.3f}" in row


def test_readme_response_is_what_the_shipped_bundle_answers(shipped: dict[str, Classifier]) -> None:
    command, *_ = blocks("sh")
    (response,) = blocks("json")
    (body,) = re.findall(r"-d '(.*)'", command)
    shown = json.loads(response)["predictions"]
    for prediction, said in zip(shipped["2"].predict(json.loads(body)["reviews"]), shown, strict=True):
        assert said["positive_probability"] == pytest.approx(prediction.positive_probability, abs=0.0006)
        assert (said["words"], said["known_words"]) == (prediction.words, prediction.known_words)
        assert said["sentiment"] == prediction.sentiment


def names(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))


def test_serving_lock_has_no_training_only_package() -> None:
    assert not {"matplotlib", "pytest", "httpx", "hypothesis", "ruff", "mypy"} & names("serving.txt")
    assert {"fastapi", "uvicorn", "tensorflow", "numpy", "pydantic"} <= names("serving.txt")


def test_litert_lock_is_without_tensorflow() -> None:
    assert not {"tensorflow", "tensorflow-cpu", "keras"} & names("litert.txt")
    assert {"fastapi", "ai-edge-litert"} <= names("litert.txt")


def test_locks_are_supersets_with_hashes_and_no_host() -> None:
    assert names("serving.txt") < names("training.txt") < names("development.txt")
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=sha256:" in requirement


def test_python_files_say_what_they_are_for() -> None:
    for folder in ("app", "training", "benchmarks"):
        for path in Path(ROOT / folder).rglob("*.py"):
            if path.name != "__init__.py":
                assert path.read_text().startswith('"""'), path
