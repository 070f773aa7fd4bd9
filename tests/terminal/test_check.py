"""`python -m app check`, of intact and damaged bundles."""

import json
import re
import shutil
from pathlib import Path

import pytest

from app.bundles.manifest import MANIFEST
from app.bundles.reading import load_bundle
from tests.models import MODELS, NEWEST, resealed
from tests.terminal.terminals import on_terminal, piped


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped bundle that a test may damage."""
    return Path(shutil.copytree(MODELS / NEWEST, tmp_path / "imdb" / NEWEST))


def test_check_prints_facts_and_tries_every_runtime() -> None:
    done = piped("check")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = dict(re.findall(r"^(\S+) {2,}(.*)$", done.stdout.decode(), re.MULTILINE))
    bundle = load_bundle(MODELS / NEWEST)
    assert lines["bundle"] == f"imdb {NEWEST} in models/imdb/{NEWEST}, created {bundle.manifest.created}"
    assert lines["digest"] == bundle.digest
    rule = bundle.manifest.uncertainty
    assert lines["uncertain"].startswith(f"between {rule.above:g} and {rule.below:g}, with fewer than ")
    assert f"accuracy {bundle.manifest.metrics['accuracy']:.4f}" in lines["metrics"]
    assert lines["files"].startswith("ok: 14 files")
    for runtime in ("numpy", "tensorflow"):
        assert lines[runtime].startswith("ok: 14 golden reviews")


def test_check_json_holds_the_manifest_and_the_differences() -> None:
    for arguments in (("models/imdb/1",), ("--model-version", "1", "--runtime", "numpy")):
        facts = json.loads(piped("check", *arguments, "--json", missing=["tensorflow"]).stdout)
        assert facts["valid"] is True
        assert facts["manifest"] == json.loads((MODELS / "1" / MANIFEST).read_text())
        assert facts["runtimes"].pop("numpy") < 1e-5
        assert facts["runtimes"] == ({} if "--runtime" in arguments else {"tensorflow": None})


def test_check_of_a_damaged_bundle_names_the_file_and_the_reason(copy: Path, damaged_golden: Path) -> None:
    (copy / "word_index.json").write_text("{}")
    for path, reason in (
        (copy / "word_index.json", "its SHA-256 is not the one in the manifest"),
        (damaged_golden / "golden.json", "should score 0.123000 but scores"),
    ):
        done = piped("check", str(path.parent), "--runtime", "numpy", "--json")
        message = json.loads(done.stdout)["message"]
        assert (done.returncode, json.loads(done.stdout)["valid"]) == (1, False)
        assert message.startswith(f"{path}: ")
        assert reason in message
        assert done.stderr.decode() == f"error: {message}\n"
    done = piped("check", str(copy), "--runtime", "numpy")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)


def test_check_without_a_bundle_or_a_runtime_fails(tmp_path: Path) -> None:
    for arguments, message in (
        ([str(tmp_path)], b"not a bundle"),
        ([str(tmp_path / "none")], b"no such folder"),
        (["models/imdb"], b"a folder of bundles; choose one of them, such as models/imdb/3"),
        (["--runtime", "tensorflow"], b"requirements/serving.txt`"),
    ):
        done = piped("check", *arguments, missing=["tensorflow"])
        assert (done.returncode, done.stdout) == (1, b"")
        assert message in done.stderr


def test_check_never_lets_a_bundle_steer_the_terminal(copy: Path) -> None:
    facts = json.loads((copy / MANIFEST).read_text())
    facts["created"] = "2026\x1b]0;mine\x07\n[red]x[/red]"
    resealed(copy, json.dumps(facts).encode())
    shown = on_terminal("check", str(copy), "--runtime", "numpy", width=200)
    assert f"imdb {NEWEST} in {copy}, created 2026�]0;mine� [red]x[/red]\n" in shown
    shown += on_terminal("check", str(copy.rename(copy.parent / "3\x1b]0;mine\x07")), width=400)
    assert "error: " in shown
    assert "\x1b" not in shown
