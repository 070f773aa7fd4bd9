"""`python -m app check`, of whole bundles and of damaged ones."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.inference.bundle import MANIFEST, load_bundle
from tests.inference.test_bundle import resealed
from tests.servers import PATIENCE, ROOT
from tests.terminal.conftest import Called
from tests.terminal.terminals import on_terminal, piped, surroundings


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped bundle, to damage."""
    return Path(shutil.copytree(ROOT / "models/imdb/2", tmp_path / "imdb/2"))


def without(*packages: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run commands where these packages are not installed."""
    hidden = ", ".join(f"'{package}': None" for package in packages)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = f"import sys; sys.modules.update({{{hidden}}}); from app.__main__ import main; "
        program += f"sys.exit(main({list(arguments)!r}))"
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=ROOT, env=surroundings({}), capture_output=True, text=True, timeout=PATIENCE)

    return run


def test_check_says_what_the_served_bundle_is_with_all_runtimes() -> None:
    done = piped("check", SENTIMENT_RUNTIME="litert")  # which it does not ask
    assert (done.returncode, done.stderr) == (0, b"")
    lines = dict(re.findall(r"^(\S+(?: \S+)?) {2,}(.*)$", done.stdout.decode(), re.MULTILINE))
    bundle = load_bundle(ROOT / "models/imdb/2")
    assert lines["bundle"] == "imdb, version 2"
    assert lines["digest"] == bundle.digest
    assert lines["created"] == bundle.manifest.created
    assert lines["recipe"].startswith("best, ")
    assert lines["encoding"] == "10,000 columns; terms: of up to 3 words, signs that count: !?"
    assert lines["vocabulary"] == "10,000 terms"
    assert f"accuracy {bundle.manifest.metrics['accuracy']:.4f}" in lines["metrics"]
    assert "training_reviews 25000" in lines["data set"]
    size = sum(path.stat().st_size for path in bundle.folder.rglob("*") if path.is_file())
    assert lines["folder"] == f"models/imdb/2, 16 files, {size / 1e6:.1f} MB"
    assert lines["files"].startswith("ok: the seal and the SHA-256 of 14 files")
    for runtime in ("litert", "tensorflow"):
        assert lines[runtime].startswith("ok: 14 golden reviews score ")


@pytest.mark.parametrize(("place", "version"), [("models/imdb/1", "1"), ("models/imdb/1/", "1"), ("models/imdb", "2")])
def test_check_json_holds_the_manifest_and_what_was_tried(called: Called, place: str, version: str) -> None:
    done = called("check", place, "--runtime", "litert", "--json")
    facts = json.loads(done.stdout)
    assert facts["whole"] is True
    assert facts["manifest"] == json.loads((ROOT / "models/imdb" / version / MANIFEST).read_text())
    (trial,) = facts["runtimes"]
    assert trial["runtime"] == "litert"
    assert trial["difference"] < 1e-5


def test_check_takes_the_settings_and_options_of_the_model(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "imdb, version 1" in called("check", "--runtime", "litert", "--model-version", "1").stdout
    done = called("check", "models/imdb/1", "--model-version", "1")
    assert (done.returncode, "not by both" in done.stderr) == (2, True)
    monkeypatch.setenv("SENTIMENT_MODEL_VERSION", "1")
    assert "imdb, version 1" in called("check", "--runtime", "litert").stdout


def test_check_on_a_terminal_marks_what_is_right_in_green() -> None:
    screen = on_terminal("check", "--runtime", "litert")
    assert screen.raw.count("\x1b[1;32mok\x1b[0m") == 2


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("word_index.json", flip, "its SHA-256 is not the one in the manifest"),
        ("variables/variables.data-00000-of-00001", flip, "its SHA-256 is not the one in the manifest"),
        ("model.tflite", Path.unlink, "it is missing"),
        ("report/history.json", lambda path: path.write_text(""), "its SHA-256 is not the one"),
        ("manifest.json.sha256", Path.unlink, "it is missing"),
        ("saved_model.cpb", Path.touch, "it is no part of the bundle"),
    ],
)
def test_check_of_a_damaged_bundle_names_file_reason_and_way_out(
    called: Called, copy: Path, name: str, damage: Callable[[Path], object], reason: str
) -> None:
    damage(copy / name)
    done = called("check", str(copy), "--runtime", "litert")
    said = " ".join(done.stderr.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert said.startswith(f"error: {copy / name}: ")
    assert reason in said
    assert "copy it again" in said
    facts = json.loads(called("check", str(copy), "--runtime", "litert", "--json").stdout)
    assert (facts["whole"], facts["file"]) == (False, str(copy / name))
    assert reason in facts["reason"]


def test_check_finds_a_network_that_answers_otherwise(called: Called, copy: Path) -> None:
    golden = json.loads((copy / "golden.json").read_text())
    golden[0]["positive_probability"] = 0.123
    (copy / "golden.json").write_text(json.dumps(golden))
    resealed(copy)
    done = called("check", str(copy), "--runtime", "litert", "--json")
    assert done.returncode == 1
    assert "should score 0.123000 but scores" in json.loads(done.stdout)["reason"]


def test_check_of_a_place_without_a_bundle_says_so(called: Called, tmp_path: Path) -> None:
    done = called("check", str(tmp_path))
    assert (done.returncode, "not a bundle, it holds no manifest.json" in done.stderr) == (1, True)
    facts = json.loads(called("check", str(tmp_path), "--json").stdout)
    assert (facts["whole"], facts["error"], facts["file"]) == (False, "BundleNotFound", None)


def test_check_of_a_folder_that_cannot_be_looked_at_says_so(called: Called, tmp_path: Path) -> None:
    place = tmp_path / ("long" * 100)
    done = called("check", str(place))
    assert (done.returncode, done.stdout) == (1, "")
    assert str(place) in done.stderr
    facts = json.loads(called("check", str(place), "--json").stdout)
    assert (facts["whole"], facts["error"]) == (False, "BundleNotFound")


def test_check_never_lets_a_manifest_act_on_the_terminal(copy: Path) -> None:
    facts = json.loads((copy / MANIFEST).read_text())
    facts["name"] = "imdb\x1b]0;mine\x07\n[red]x[/red]"
    facts["recipe"] = {"name": "\x1b[2J"}
    resealed(copy, json.dumps(facts).encode())
    screen = on_terminal("check", str(copy), "--runtime", "litert", width=200)
    assert screen.code == 0
    assert "imdb␛]0;mine␇ [red]x[/red], version 2" in screen.text
    assert "\x1b" not in screen.text
    renamed = copy.rename(copy.parent / "3\x1b]0;mine\x07")
    screen = on_terminal("check", str(renamed), width=400)
    assert screen.code == 1
    assert "\x1b" not in screen.text


def test_check_tries_what_is_installed() -> None:
    done = without("tensorflow")("check")
    assert done.returncode == 0
    assert re.search(r"^litert +ok: ", done.stdout, re.MULTILINE)
    assert re.search(r"^tensorflow +not tried: the runtime `tensorflow` needs", done.stdout, re.MULTILINE)


def test_check_without_any_runtime_or_the_wanted_one_fails() -> None:
    done = without("tensorflow", "ai_edge_litert")("check")
    assert done.returncode == 1
    assert "`litert` needs the package" in done.stderr
    assert "`tensorflow` needs the package" in done.stderr
    done = without("tensorflow")("check", "--runtime", "tensorflow")
    assert (done.returncode, "`tensorflow` needs the package" in done.stderr) == (1, True)


def test_check_without_a_network_for_litert_tries_the_others(copy: Path) -> None:
    (copy / "model.tflite").unlink()
    resealed(copy)
    done = without("tensorflow")("check", str(copy))
    assert done.returncode == 1
    assert "the bundle holds no model.tflite" in done.stderr
