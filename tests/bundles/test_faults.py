"""A damaged bundle is never served: the error names the file and the next step."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.bundles.manifest import CHECKSUM, GOLDEN, MANIFEST, PROFILE, WORD_INDEX
from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from app.model.errors import BundleError
from tests.models import resealed
from tests.servers import ROOT


def refusal(folder: Path) -> str:
    """The error message of a bundle that cannot be loaded; every one says what to do next."""
    with pytest.raises(BundleError) as raised:
        load_bundle(folder)
    assert re.search("copy it again|SENTIMENT_MODEL_DIR|such as models", str(raised.value))
    return str(raised.value)


def put_instead(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "truncated"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"\n"), "changed"),
    "missing": (Path.unlink, "missing|no manifest"),
    "folder": (lambda path: put_instead(path, Path.mkdir), "not a regular file"),
    "pipe": (lambda path: put_instead(path, os.mkfifo), "not a regular file"),
    "dangling link": (lambda path: put_instead(path, lambda path: path.symlink_to("nothing")), "missing"),
    "link outside": (lambda path: path.symlink_to(path.rename(path.parents[1] / "outside")), "outside the bundle"),
}
"""Name -> what damages a file, and what the error says."""


@pytest.mark.parametrize("name", ["saved_model.pb", MANIFEST, CHECKSUM])
@pytest.mark.parametrize("damage", DAMAGES)
def test_load_bundle_with_a_damaged_file_names_it(copy: Path, damage: str, name: str) -> None:
    do, reason = DAMAGES[damage]
    do(copy / name)
    said = refusal(copy)
    assert str(copy) in said
    assert name in said
    assert re.search(reason, said)


def test_load_bundle_with_a_changed_bit_in_any_file_names_it(copy: Path) -> None:
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert len(files) == 16
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert str(path) in refusal(copy)
        path.write_bytes(content)
    assert load_bundle(copy)


def test_load_bundle_with_another_valid_manifest_is_refused(copy: Path) -> None:
    content = (copy / MANIFEST).read_bytes()
    assert b'"seed": 0' in content
    (copy / MANIFEST).write_bytes(content.replace(b'"seed": 0', b'"seed": 1'))
    assert CHECKSUM in refusal(copy)
    for name in (MANIFEST, CHECKSUM):
        shutil.copyfile(ROOT / "models/imdb/1" / name, copy / name)
    assert "its SHA-256 is not" in refusal(copy)


@pytest.mark.parametrize("name", ["saved_model.cpb", "assets/words.txt"])
def test_load_bundle_with_an_unlisted_file_is_refused(copy: Path, name: str) -> None:
    """TensorFlow reads some files by their names alone, these two among them."""
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).touch()
    assert f"{copy / name}: it does not belong" in refusal(copy)


def test_load_bundle_with_a_linked_folder_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "assets").symlink_to(tmp_path)
    assert str(copy / "assets") in refusal(copy)
    (copy / "assets").unlink()
    (copy / "variables").symlink_to((copy / "variables").rename(tmp_path / "variables"))
    assert "outside the bundle" in refusal(copy)


def test_load_bundle_ignores_hidden_files(copy: Path) -> None:
    (copy / ".cache").mkdir()
    for name in (".DS_Store", "variables/._variables.index", ".cache/index"):
        (copy / name).touch()
    assert load_bundle(copy).manifest.version == "1"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (MANIFEST, b"", "not a manifest"),
        (MANIFEST, b"[]", "not a manifest"),
        (WORD_INDEX, b'{"caf\xe9": 4}', "not a word index"),
        (WORD_INDEX, b"[" * 100_000 + b"]" * 100_000, "not a word index"),
        (WORD_INDEX, b'["the"]', "not a word index"),
        (WORD_INDEX, rb'{"\ud800": 4}', "not a word index"),
        (WORD_INDEX, b'{"the": "4"}', "not a word index"),
        (WORD_INDEX, b'{"the": 4.0}', "not a word index"),
        (WORD_INDEX, b'{"the": 1e999}', "not a word index"),
        (WORD_INDEX, b'{"the": 4}', "1 terms"),
        (WORD_INDEX, b'{"the": 3}', "outside 4 to 9999"),
        (WORD_INDEX, b'{"the": 10000}', "outside 4 to 9999"),
        *((WORD_INDEX, b'{"%b": 4}' % term, "never be found") for term in (b"The", b"", b"the film", b"the!")),
        (WORD_INDEX, b'{"%b": 4}' % (b"x" * 5_000_000), "'xxxxxxxxxx…' has 5000000 bytes; the maximum is 1024"),
        (GOLDEN, b"[]", "no review"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_load_bundle_with_wrong_content_says_why(copy: Path, name: str, content: bytes, reason: str) -> None:
    (copy / name).write_bytes(content)
    resealed(copy, content if name == MANIFEST else None)
    said = refusal(copy)
    assert str(copy / name) in said
    assert reason in said


GONE = "<gone>"
DIGEST = "0" * 64
CALIBRATION = {"scale": 1, "shift": 0, "texts": 50, "sha256": DIGEST, "original": DIGEST, "before": {}, "after": {}}
CROSSED = {"above": 0.9, "below": 0.1, "min_known_words": 1, "min_known_share": 0.5}
FOREIGN = ("../x", "/etc/hostname", "report/../golden.json", "./golden.json", "", ".", "a\0b", MANIFEST, CHECKSUM)


@pytest.mark.parametrize(
    ("name", "place", "value", "reason"),
    [
        (GOLDEN, [0, "review"], None, "0.review"),
        (GOLDEN, [0, "positive_probability"], 1.5, "0.positive_probability"),
        (GOLDEN, [0, "positive_probability"], float("nan"), "0.positive_probability"),  # close to every probability
        (GOLDEN, [0, "note"], "new", "0.note"),
        (PROFILE, ["words", "counts"], [1], "counts"),
        (PROFILE, ["words", "counts"], [0] * 9, "counts"),  # all reviews would look strange, or none
        (PROFILE, ["words", "upper_bounds", 0], 11, "bins"),
        (MANIFEST, ["name"], GONE, "name"),
        *((MANIFEST, ["name"], name, "name: String should match") for name in ("", "a/b?c#d", "\x1b[2J", "..", "x\n")),
        (MANIFEST, ["version"], "\x1b[2J", "version: String should match"),
        (MANIFEST, ["metrics"], None, "metrics"),
        (MANIFEST, ["metrics", "loss"], float("nan"), "metrics.loss"),
        (MANIFEST, ["vocabulary_size"], 1, "says 1"),
        (MANIFEST, ["vocabulary_size"], "46", "vocabulary_size"),
        (MANIFEST, ["note"], "new", "note"),
        (MANIFEST, ["encoding", "unknown_column"], GONE, "unknown_column"),
        (MANIFEST, ["encoding", "columns"], True, "columns"),
        (MANIFEST, ["encoding", "columns"], 0, "encoding.columns: Input should be greater"),
        (MANIFEST, ["encoding", "columns"], 2**31, "encoding.columns: Input should be less"),
        (MANIFEST, ["encoding", "first_term_column"], 10_000, "first_term_column is 10000"),
        (MANIFEST, ["encoding", "start_column"], -1, "encoding.start_column: Input should be greater"),
        (MANIFEST, ["encoding", "unknown_column"], 4, "unknown_column is 4"),
        (MANIFEST, ["encoding", "longest_term"], 0, "encoding.longest_term: Input should be greater"),
        (MANIFEST, ["encoding", "longest_term"], 65, "encoding.longest_term: Input should be less"),
        (MANIFEST, ["encoding", "kept_punctuation"], "a", "kept_punctuation is 'a'"),
        (MANIFEST, ["encoding", "markup"], GONE, "markup"),
        (MANIFEST, ["encoding", "markup"], "html", "encoding.markup"),
        (MANIFEST, ["uncertainty"], GONE, "uncertainty"),
        (MANIFEST, ["uncertainty", "below"], GONE, "uncertainty.below"),
        (MANIFEST, ["uncertainty", "above"], -0.1, "uncertainty.above: Input should be greater"),
        (MANIFEST, ["uncertainty"], CROSSED, "above is 0.9, but below is 0.1"),
        (MANIFEST, ["uncertainty", "above"], float("nan"), "uncertainty.above"),
        (MANIFEST, ["uncertainty", "below"], 1.1, "uncertainty.below: Input should be less"),
        (MANIFEST, ["uncertainty", "min_known_words"], -1, "uncertainty.min_known_words: Input should be greater"),
        (MANIFEST, ["uncertainty", "min_known_words"], 0.5, "uncertainty.min_known_words"),
        (MANIFEST, ["uncertainty", "min_known_share"], 1.5, "uncertainty.min_known_share: Input should be less"),
        (MANIFEST, ["calibration"], {**CALIBRATION, "scale": -1}, "calibration.scale"),
        (MANIFEST, ["calibration"], {**CALIBRATION, "shift": float("nan")}, "calibration.shift"),
        (MANIFEST, ["calibration"], {"scale": 1, "shift": 0}, "calibration.texts"),
        *((MANIFEST, ["files", name], GONE, f"lists no {name}") for name in (WORD_INDEX, GOLDEN, PROFILE)),
        (MANIFEST, ["files", "network.npz"], GONE, "does not belong"),
        (MANIFEST, ["files", "more.txt"], DIGEST, "missing"),
        (MANIFEST, ["files", "report"], DIGEST, "not a regular file"),
        (MANIFEST, ["files", "x" * 5_000], DIGEST, "too long"),
        *((MANIFEST, ["files", name], DIGEST, f"{name!r} is not the name") for name in FOREIGN),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_load_bundle_with_a_wrong_value_says_why(
    copy: Path, name: str, place: list[str | int], value: object, reason: str
) -> None:
    content = json.loads((copy / name).read_text())
    holder = content
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    if value == GONE:
        del holder[place[-1]]
    (copy / name).write_text(json.dumps(content))
    resealed(copy, json.dumps(content).encode() if name == MANIFEST else None)
    said = refusal(copy)
    assert str(copy) in said
    assert reason in said


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("tensorflow", "saved_model.pb"),
        ("tensorflow", "variables/variables.data-00000-of-00001"),
        ("numpy", "network.npz"),
    ],
)
def test_open_classifier_with_a_damaged_network_names_its_file(copy: Path, runtime: str, name: str) -> None:
    """Its digests are right, so only the runtime can find out."""
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    resealed(copy)
    with pytest.raises(BundleError, match=f"{copy}/(saved_model.pb|network.npz)"):
        open_classifier(load_bundle(copy), runtime)


def test_open_classifier_with_another_word_index_is_refused(copy: Path) -> None:
    word_index = json.loads((copy / WORD_INDEX).read_text())
    first, *others = word_index.values()
    (copy / WORD_INDEX).write_text(json.dumps(dict(zip(word_index, [*others, first], strict=True))))
    resealed(copy)
    with pytest.raises(BundleError, match="should score"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_open_classifier_with_another_width_is_refused(copy: Path) -> None:
    manifest = (copy / MANIFEST).read_bytes()
    resealed(copy, manifest.replace(b'"columns": 10000', b'"columns": 9999'))
    with pytest.raises(BundleError, match="10000 columns"):
        open_classifier(load_bundle(copy), "tensorflow")
