"""A damaged bundle is never served: the error names the file and the next step."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from app.inference.bundle import GOLDEN, MANIFEST, PROFILE, SEAL, WORD_INDEX, find_bundle, load_bundle
from app.inference.classifier import open_classifier
from app.inference.errors import BundleDamaged, BundleNotFound
from tests.inference.test_bundle import resealed
from tests.servers import ROOT, run_app

NESTED = b"[" * 100_000 + b"]" * 100_000


def refusal(folder: Path) -> str:
    """The error message of a bundle that cannot be loaded; every one says what to do next."""
    with pytest.raises((BundleDamaged, BundleNotFound)) as raised:
        load_bundle(folder)
    assert re.search("copy it again|SENTIMENT_MODEL_DIR", str(raised.value))
    return str(raised.value)


def put_instead(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "truncated"),
    "emptied": (lambda path: path.write_bytes(b""), "truncated"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"\n"), "changed"),
    "missing": (Path.unlink, "missing|no manifest"),
    "folder": (lambda path: put_instead(path, Path.mkdir), "not a regular file"),
    "pipe": (lambda path: put_instead(path, os.mkfifo), "not a regular file"),
    "dangling link": (lambda path: put_instead(path, lambda path: path.symlink_to("nothing")), "missing"),
    "circular link": (lambda path: put_instead(path, lambda path: path.symlink_to(path)), "itself|Too many levels"),
    "link outside": (lambda path: path.symlink_to(path.rename(path.parents[1] / "outside")), "outside the bundle"),
}
"""Name -> what damages a file, and what the error says."""


@pytest.mark.parametrize("name", ["saved_model.pb", MANIFEST, SEAL])
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
    assert SEAL in refusal(copy)
    for name in (MANIFEST, SEAL):
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


@contextmanager
def unprivileged() -> Iterator[None]:
    """Become an ordinary user where the tests run as root, who may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("name", [GOLDEN, MANIFEST, "variables", "."])
def test_load_bundle_without_permission_names_the_file(models: Path, name: str) -> None:
    with tempfile.TemporaryDirectory() as place:  # other users cannot enter pytest's folders
        Path(place).chmod(0o755)
        folder = Path(shutil.copytree(models / "1", Path(place) / "1"))
        (folder / name).chmod(0)
        with unprivileged():
            said = refusal(folder)
        (folder / name).chmod(0o755)
        assert str(folder / name) in said
        assert "Permission denied" in said
        Path(place).chmod(0)
        with unprivileged(), pytest.raises(BundleNotFound, match=r"Permission denied.*SENTIMENT_MODEL_DIR"):
            find_bundle(Path(place) / "imdb")
        Path(place).chmod(0o755)


def golden(**changes: Any) -> bytes:
    return json.dumps([{"review": "fine", "positive_probability": 0.5} | changes]).encode()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (WORD_INDEX, b"{", "not JSON"),
        (WORD_INDEX, b'["the"]', "not a word index"),
        (WORD_INDEX, b'{"caf\xe9": 4}', "not JSON"),
        (WORD_INDEX, rb'{"\ud800": 4}', "not a word index"),
        (WORD_INDEX, NESTED, "deeply"),
        (WORD_INDEX, b'{"the": 4}', "1 terms"),
        (WORD_INDEX, b'{"the": 4, "the": 5}', "'the' occurs 2 times"),
        (WORD_INDEX, b'{"the": 3}', "outside 4 to 9999"),
        (WORD_INDEX, b'{"the": 10000}', "outside 4 to 9999"),
        (WORD_INDEX, b'{"the": "4"}', "not a word index"),
        (WORD_INDEX, b'{"the": 4.0}', "not a word index"),
        (WORD_INDEX, b'{"the": 1e999}', "1e999"),
        *((WORD_INDEX, b'{"%b": 4}' % term, "never be found") for term in (b"The", b"", b"the film", b"the!")),
        (GOLDEN, b"[]", "no review"),
        (GOLDEN, golden(review=None), "0.review"),
        (GOLDEN, golden(positive_probability=1.5), "0.positive_probability"),
        (GOLDEN, golden(positive_probability=float("nan")), "NaN"),  # would be close to every probability
        (GOLDEN, golden(note="new"), "0.note"),
        (MANIFEST, b"", "not JSON"),
        (MANIFEST, b"[]", "not a manifest"),
        (MANIFEST, b'{"recipe": {"seed": 1, "seed": 2}}', "'seed' occurs 2 times"),
        (MANIFEST, b'{"name": ' + NESTED + b"}", "deeply"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_load_bundle_with_wrong_content_says_why(copy: Path, name: str, content: bytes, reason: str) -> None:
    (copy / name).write_bytes(content)
    resealed(copy, content if name == MANIFEST else None)
    said = refusal(copy)
    assert str(copy / name) in said
    assert reason in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda words: words["counts"].pop(), "counts"),
        (lambda words: words.update(counts=[0] * 9), "counts"),
        (lambda words: words["upper_bounds"].__setitem__(0, 11), "bins"),
    ],
)
def test_load_bundle_with_a_wrong_profile_says_why(
    copy: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    """Compared with such a profile, all reviews would look strange, or none."""
    profile = json.loads((copy / PROFILE).read_text())
    change(profile["words"])
    (copy / PROFILE).write_text(json.dumps(profile))
    resealed(copy)
    assert re.search(rf"{copy / PROFILE}.*{reason}", refusal(copy))


GONE = "<gone>"
DIGEST = "0" * 64
FOREIGN = ("../x", "/etc/hostname", "report/../golden.json", "./golden.json", "", ".", "a\0b", MANIFEST, SEAL)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("name", GONE, "name"),
        ("metrics", None, "metrics"),
        ("note", "new", "note"),
        ("vocabulary_size", 1, "says 1"),
        ("vocabulary_size", "46", "vocabulary_size"),
        ("metrics.loss", float("nan"), "NaN"),
        ("encoding.unknown_column", GONE, "unknown_column"),
        ("encoding.columns", True, "columns"),
        ("encoding.columns", 0, "columns is 0"),
        ("encoding.columns", 2**31, "columns is 2147483648"),
        ("encoding.first_term_column", -1, "first_term_column is -1"),
        ("encoding.first_term_column", 10_000, "first_term_column is 10000"),
        ("encoding.start_column", -1, "start_column is -1"),
        ("encoding.unknown_column", 4, "unknown_column is 4"),
        ("encoding.longest_term", 0, "longest_term is 0"),
        ("encoding.longest_term", 65, "longest_term is 65"),
        ("encoding.kept_punctuation", "a", "kept_punctuation is 'a'"),
        *((f"files.{name}", GONE, f"lists no {name}") for name in (WORD_INDEX, GOLDEN, PROFILE, "saved_model.pb")),
        ("files.model.tflite", GONE, "does not belong"),
        ("files.model.tflite", DIGEST, "SHA-256"),
        ("files.more.txt", DIGEST, "missing"),
        ("files.report", DIGEST, "not a regular file"),
        ("files." + "x" * 5_000, DIGEST, "too long"),
        *((f"files.{name}", DIGEST, f"{name!r} is not the name") for name in FOREIGN),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_load_bundle_with_a_wrong_manifest_says_why(copy: Path, place: str, value: object, reason: str) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    field, dot, key = place.partition(".")
    holder, key = (manifest[field], key) if dot else (manifest, field)
    holder[key] = value
    if value == GONE:
        del holder[key]
    resealed(copy, json.dumps(manifest).encode())
    said = refusal(copy)
    assert str(copy) in said
    assert reason in said


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("tensorflow", "saved_model.pb"),
        ("tensorflow", "variables/variables.data-00000-of-00001"),
        ("litert", "model.tflite"),
    ],
)
def test_open_classifier_with_a_damaged_network_names_its_file(copy: Path, runtime: str, name: str) -> None:
    """Its digests are right, so only the runtime can find out."""
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    resealed(copy)
    with pytest.raises(BundleDamaged, match=f"{copy}/(saved_model.pb|model.tflite)"):
        open_classifier(load_bundle(copy), runtime)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda column: column * float("nan"), r"outside \[0, 1\]"),
        (lambda column: column[:0], "shape"),
        (lambda column: tf.reshape(column, (-1, 7, 11)), "fails when it is called"),
    ],
    ids=["nan", "nothing", "failure"],
)
def test_open_classifier_with_a_useless_network_is_refused(
    copy: Path, answer: Callable[[Any], Any], reason: str
) -> None:
    module = tf.Module()
    tensor = tf.TensorSpec((None, 10_000), tf.float32, "multi_hot")
    serve = tf.function(lambda rows: {"positive_probability": answer(rows[:, :1])}, [tensor], autograph=False)
    tf.saved_model.save(module, os.fspath(copy), signatures={"serving_default": serve})
    shutil.rmtree(copy / "assets", ignore_errors=True)
    resealed(copy)
    with pytest.raises(BundleDamaged, match=f"{copy}: .*{reason}"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_open_classifier_with_another_golden_probability_is_refused(copy: Path) -> None:
    golden = json.loads((copy / GOLDEN).read_text())
    golden[3]["positive_probability"] += 0.001
    (copy / GOLDEN).write_text(json.dumps(golden))
    resealed(copy)
    with pytest.raises(BundleDamaged, match="should score"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_open_classifier_with_another_word_index_is_refused(copy: Path) -> None:
    word_index = json.loads((copy / WORD_INDEX).read_text())
    first, *others = word_index.values()
    (copy / WORD_INDEX).write_text(json.dumps(dict(zip(word_index, [*others, first], strict=True))))
    resealed(copy)
    with pytest.raises(BundleDamaged, match="should score"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_open_classifier_with_another_width_is_refused(copy: Path) -> None:
    manifest = (copy / MANIFEST).read_bytes()
    resealed(copy, manifest.replace(b'"columns": 10000', b'"columns": 9999'))
    with pytest.raises(BundleDamaged, match="10000 columns"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_command_with_a_damaged_bundle_ends_with_one_line(copy: Path) -> None:
    put_instead(copy / "saved_model.pb", os.mkfifo)
    done = run_app(model_dir=copy.parent, port=0)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"error: {copy / 'saved_model.pb'}.*\n", done.stderr)
