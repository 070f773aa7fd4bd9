"""`python -m app check`, of whole bundles and of damaged ones."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.inference.bundle import MANIFEST, load_bundle
from tests.inference.test_bundle import resealed
from tests.servers import ROOT
from tests.terminal.terminals import on_terminal, piped


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped bundle, to damage."""
    return Path(shutil.copytree(ROOT / "models/imdb/2", tmp_path / "imdb/2"))


def test_check_prints_facts_and_tries_every_runtime() -> None:
    done = piped("check")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = dict(re.findall(r"^(\S+) {2,}(.*)$", done.stdout.decode(), re.MULTILINE))
    bundle = load_bundle(ROOT / "models/imdb/2")
    assert lines["bundle"] == f"imdb 2 in models/imdb/2, created {bundle.manifest.created}"
    assert lines["digest"] == bundle.digest
    assert f"accuracy {bundle.manifest.metrics['accuracy']:.4f}" in lines["metrics"]
    assert lines["files"] == "ok: 14 files have the SHA-256 that the manifest states"
    for runtime in ("litert", "tensorflow"):
        assert lines[runtime].startswith("ok: 14 golden reviews, largest difference ")


def test_check_json_holds_the_manifest_and_the_differences() -> None:
    for arguments in (("models/imdb/1",), ("--model-version", "1")):
        facts = json.loads(piped("check", *arguments, "--json", missing=["tensorflow"]).stdout)
        assert facts["valid"] is True
        assert facts["manifest"] == json.loads((ROOT / "models/imdb/1" / MANIFEST).read_text())
        assert facts["runtimes"]["litert"] < 1e-5
        assert facts["runtimes"]["tensorflow"] is None
    facts = json.loads(piped("check", "--json", "--runtime", "litert").stdout)
    assert (facts["manifest"]["version"], list(facts["runtimes"])) == ("2", ["litert"])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def wrong_golden(path: Path) -> None:
    golden = json.loads(path.read_text())
    golden[0]["positive_probability"] = 0.123
    path.write_text(json.dumps(golden))
    resealed(path.parent)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("word_index.json", flip, "its SHA-256 is not the one in the manifest"),
        ("model.tflite", Path.unlink, "it is missing"),
        ("golden.json", wrong_golden, "should score 0.123000 but scores"),
    ],
)
def test_check_of_a_damaged_bundle_names_the_file_and_the_reason(
    copy: Path, name: str, damage: Callable[[Path], object], reason: str
) -> None:
    damage(copy / name)
    done = piped("check", str(copy), "--runtime", "litert", "--json")
    message = json.loads(done.stdout)["message"]
    assert (done.returncode, json.loads(done.stdout)["valid"]) == (1, False)
    assert message.startswith(f"{copy / name}: ")
    assert reason in message
    assert done.stderr.decode() == f"error: {message}\n"
    done = piped("check", str(copy), "--runtime", "litert")
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", f"error: {message}\n")


def test_check_without_a_bundle_or_a_runtime_fails(tmp_path: Path) -> None:
    done = piped("check", str(tmp_path))
    assert (done.returncode, b"not a bundle, it has no manifest.json" in done.stderr) == (1, True)
    for arguments, missing in (((), ["tensorflow", "ai_edge_litert"]), (("--runtime", "tensorflow"), ["tensorflow"])):
        done = piped("check", *arguments, missing=missing)
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"the runtime `tensorflow` needs the package tensorflow" in done.stderr


def test_check_never_lets_a_bundle_steer_the_terminal(copy: Path) -> None:
    facts = json.loads((copy / MANIFEST).read_text())
    facts["name"] = "imdb\x1b]0;mine\x07\n[red]x[/red]"
    resealed(copy, json.dumps(facts).encode())
    shown = on_terminal("check", str(copy), "--runtime", "litert", width=200)
    assert "imdb�]0;mine� [red]x[/red] 2" in shown
    shown += on_terminal("check", str(copy.rename(copy.parent / "3\x1b]0;mine\x07")), width=400)
    assert "error: " in shown
    assert "\x1b" not in shown
