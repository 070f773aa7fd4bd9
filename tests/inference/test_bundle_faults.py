"""Whatever happens to a bundle on disk: a named error that tells the file and the next step, never a wrong answer."""

import json
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.inference.bundle import CHECKSUM, MANIFEST, find_bundle, load_bundle
from app.inference.classifier import open_classifier
from app.inference.errors import BundleDamaged, BundleNotFound, SentimentError
from tests.inference.test_bundle import files_of, resealed
from tests.servers import ROOT, environment, run_python

FILES = (
    "fingerprint.pb",
    "golden.json",
    MANIFEST,
    CHECKSUM,
    "model.tflite",
    "profile.json",
    "report/MODEL_CARD.md",
    "report/accuracy.png",
    "report/evaluation.json",
    "report/history.json",
    "report/loss.png",
    "report/reliability.png",
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
    "word_index.json",
)
NEXT_STEPS = ("copy it again", "SENTIMENT_MODEL_DIR", "take it away")
LIMITED = """\
import os, resource, sys
limit, size, *command = sys.argv[1:]
resource.setrlimit(getattr(resource, limit), (int(size), int(size)))
os.execv(sys.executable, [sys.executable, *command])
"""
NESTED = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Iterator[Path]:
    """A bundle of its own, to damage; removed at once, since there are hundreds."""
    yield Path(shutil.copytree(models / "1", tmp_path / "tiny/1"))
    shutil.rmtree(tmp_path / "tiny")


def run_limited(limit: str, size: int, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a Python command within a limit of the system, such as RLIMIT_AS or RLIMIT_FSIZE, in bytes."""
    return run_python("-c", LIMITED, limit, str(size), *arguments, env=env)


def refusal(folder: Path) -> str:
    """What loading says, once it has been made sure that it says what to do next."""
    with pytest.raises((BundleDamaged, BundleNotFound)) as raised:
        load_bundle(folder)
    assert any(step in str(raised.value) for step in NEXT_STEPS)
    return str(raised.value)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(seed: int) -> Callable[[Path], None]:
    def flip_a_bit(path: Path) -> None:
        content = bytearray(path.read_bytes())
        rng = random.Random(seed)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)

    return flip_a_bit


def swap(path: Path) -> None:
    """Put the file of the same name from another bundle."""
    folder = next(parent for parent in path.parents if parent.name == "1")
    other = ROOT / "models/imdb/2" / path.relative_to(folder)
    assert other.read_bytes() != path.read_bytes()
    shutil.copyfile(other, path)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def link_outside(path: Path) -> None:
    """The content stays right; but bundles are self-contained."""
    outside = next(parent for parent in path.parents if parent.name == "tiny") / "outside"
    shutil.move(path, outside)
    path.symlink_to(outside)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut in half": (cut_in_half, "truncated"),
    "last byte gone": (cut_last_byte, "truncated"),
    "a byte more": (lengthen, "changed"),
    "emptied": (empty, "truncated"),
    **{f"bit flipped, seed {seed}": (flip(seed), "changed") for seed in range(4)},
    "swapped": (swap, "changed"),
    "missing": (Path.unlink, "missing|has no manifest"),
    "folder instead": (folder_instead, "not a regular file"),
    "pipe instead": (pipe_instead, "not a regular file"),
    "link to nothing": (link_to_nothing, "missing"),
    "link to itself": (link_to_itself, "a link to itself|Too many levels"),  # before Python 3.13 | since
    "link outside": (link_outside, "outside the bundle"),
}
"""What happens to a file -> how, and what the error says."""


def assert_refused_with(copy: Path, name: str, content: bytes, reason: str) -> None:
    """Put other content into a file of a bundle, and make the digests right again: the content itself is refused."""
    (copy / name).write_bytes(content)
    resealed(copy)
    said = refusal(copy)
    assert str(copy / name) in said
    assert reason in said


def test_table_of_files_is_complete(copy: Path) -> None:
    assert files_of(copy) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_load_bundle_with_a_damaged_file_names_it(copy: Path, damage: str, name: str) -> None:
    do, reason = DAMAGES[damage]
    do(copy / name)
    said = refusal(copy)
    assert str(copy) in said
    assert name in said
    assert any(part in said for part in reason.split("|"))


def test_load_bundle_with_manifest_and_seal_of_another_version_is_refused(copy: Path) -> None:
    for name in (MANIFEST, CHECKSUM):
        swap(copy / name)
    assert "belongs to version 2" in refusal(copy)


def test_load_bundle_with_manifest_and_seal_of_another_bundle_is_refused(copy: Path) -> None:
    """Of the same version, so that only the digests of the other files can tell."""
    for name in (MANIFEST, CHECKSUM):
        shutil.copyfile(ROOT / "models/imdb/1" / name, copy / name)
    assert "its SHA-256 is not the one in the manifest" in refusal(copy)


def test_seal_is_what_sha256sum_reads(copy: Path) -> None:
    check = ["sha256sum", "--check", "--strict", CHECKSUM]
    assert subprocess.run(check, cwd=copy, capture_output=True).returncode == 0
    flip(0)(copy / MANIFEST)
    assert subprocess.run(check, cwd=copy, capture_output=True).returncode == 1


@pytest.mark.parametrize("version", ["1", "2"])
def test_shipped_bundles_are_sealed(version: str) -> None:
    check = ["sha256sum", "--check", "--strict", CHECKSUM]
    assert subprocess.run(check, cwd=ROOT / "models/imdb" / version, capture_output=True).returncode == 0


@pytest.mark.parametrize("old", [b'"seed": 0', b'"version": "1"', b'"columns": 10000', b'"name": "tiny"'])
def test_load_bundle_with_another_valid_manifest_is_refused(copy: Path, old: bytes) -> None:
    """The hole that the checksum closes: one byte that leaves a manifest as good as before."""
    content = (copy / MANIFEST).read_bytes()
    at = content.index(old) + len(old) - 2
    changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    (copy / MANIFEST).write_bytes(changed)
    assert "changed or truncated" in refusal(copy)


@pytest.mark.parametrize(
    "seal",
    [
        lambda line: line.upper(),
        lambda line: line.replace(b"  ", b" *"),
        lambda line: line.replace(b"\n", b"\r\n"),
        lambda line: line + line,
        lambda line: line.replace(b"manifest.json", b"golden.json"),
        lambda line: b"\xff" * len(line),
    ],
    ids=["upper case", "binary", "line end", "twice", "another file", "no text"],
)
def test_load_bundle_with_another_form_of_seal_is_refused(copy: Path, seal: Callable[[bytes], bytes]) -> None:
    (copy / CHECKSUM).write_bytes(seal((copy / CHECKSUM).read_bytes()))
    assert str(copy / CHECKSUM) in refusal(copy)


@pytest.mark.parametrize(
    "name", ["notes.txt", "saved_model.cpb", "assets/words.txt", "report/old.png", "variables/variables.data-00001"]
)
def test_load_bundle_with_a_foreign_file_is_refused(copy: Path, name: str) -> None:
    """TensorFlow reads some files by their names alone, `saved_model.cpb` among them."""
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("foreign")
    said = refusal(copy)
    assert str(copy / name) in said
    assert "remove it" in said


def test_load_bundle_with_a_foreign_link_to_a_folder_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "assets").symlink_to(tmp_path)
    assert str(copy / "assets") in refusal(copy)


def test_load_bundle_with_a_whole_folder_linked_outside_is_refused(copy: Path) -> None:
    shutil.move(copy / "variables", copy.parent / "variables")
    (copy / "variables").symlink_to(copy.parent / "variables")
    assert "outside the bundle" in refusal(copy)


@pytest.mark.parametrize("name", [".DS_Store", "variables/._variables.index", ".nfs0001", ".cache/index"])
def test_load_bundle_passes_over_hidden_files(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("left behind")
    assert load_bundle(copy).manifest.version == "1"


def test_load_bundle_through_linked_folders_is_fine(copy: Path, tmp_path: Path) -> None:
    """A release is often switched by a link; what a bundle consists of stays inside its own folder."""
    (tmp_path / "current").symlink_to(copy.parent)
    assert load_bundle(find_bundle(tmp_path / "current")).manifest.version == "1"
    (tmp_path / "other").mkdir()
    (tmp_path / "other/1").symlink_to(copy)
    assert load_bundle(find_bundle(tmp_path / "other")).manifest.version == "1"


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while where the tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", [*FILES, "variables", "report", "."])
def test_load_bundle_without_permission_names_the_file(models: Path, name: str) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        Path(place).chmod(0o755)
        folder = Path(shutil.copytree(models / "1", Path(place) / "1"))
        with unprivileged():
            assert load_bundle(folder).manifest.version == "1"
        (folder / name).chmod(0)
        try:
            with unprivileged():
                said = refusal(folder)
        finally:
            (folder / name).chmod(0o755)
        assert str(folder / name) in said
        assert "Permission denied" in said


def test_find_bundle_without_permission_says_what_to_do(models: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0)
        with unprivileged(), pytest.raises(BundleNotFound, match=r"Permission denied.*SENTIMENT_MODEL_DIR"):
            find_bundle(Path(place) / "imdb")
        Path(place).chmod(0o755)


WORD_INDEXES: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"{}", "0 terms, but the manifest says"),
    (b'{"the": 4}', "1 terms, but the manifest says"),
    (b'{"the": 4, "the": 5}', "'the' occurs 2 times"),
    (b'{"the": 3}', "outside 4 to 9999"),
    (b'{"the": -1}', "outside 4 to 9999"),
    (b'{"the": 10000}', "outside 4 to 9999"),
    (b'{"the": 9223372036854775808}', "outside 4 to 9999"),
    (b'{"the": ' + b"9" * 5_000 + b"}", "not JSON"),
    (b'{"the": "4"}', "not a word index: the: "),
    (b'{"the": 4.0}', "not a word index: the: "),
    (b'{"the": true}', "not a word index: the: "),
    (b'{"the": null}', "not a word index: the: "),
    (b'{"the": [4]}', "not a word index: the: "),
    (b'{"the": {"column": 4}}', "not a word index: the: "),
    (b'{"the": NaN}', "NaN is not a finite number"),
    (b'{"the": 1e999}', "1e999 is not a finite number"),
    (b'["the"]', "not a word index: the file: "),
    (b'"the"', "not a word index: the file: "),
    (b"4", "not a word index: the file: "),
    (b"null", "not a word index: the file: "),
    (b'{"caf\xe9": 4}', "not JSON"),
    (b'\xef\xbb\xbf{"the": 4}', "not JSON"),
    ('{"the": 4}'.encode("utf-16"), "not JSON"),
    (rb'{"\ud800": 4}', "not a word index"),
    (b'{"The": 4}', "could never be found"),
    (b'{"": 4}', "could never be found"),
    (b'{"the film": 4}', "could never be found"),
    (b'{"the": 4} {}', "not JSON"),
    (NESTED, "nested too deeply"),
    (b'{"the": ' + NESTED + b"}", "nested too deeply"),
]


@pytest.mark.parametrize(("content", "reason"), WORD_INDEXES, ids=lambda value: repr(value)[:30])
def test_load_bundle_with_a_wrong_word_index_says_why(copy: Path, content: bytes, reason: str) -> None:
    assert_refused_with(copy, "word_index.json", content, reason)


def golden(**changes: Any) -> bytes:
    return json.dumps([{"review": "fine", "positive_probability": 0.5} | changes]).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[]", "no review"),
        (b"{}", "not a list of golden reviews"),
        (b"[1]", "not a list of golden reviews"),
        (golden(review=None), "0.review"),
        (golden(review=["fine"]), "0.review"),
        (golden(positive_probability="0.5"), "0.positive_probability"),
        (golden(positive_probability=True), "0.positive_probability"),
        (golden(positive_probability=None), "0.positive_probability"),
        (golden(positive_probability=1.5), "0.positive_probability"),
        (golden(positive_probability=-0.1), "0.positive_probability"),
        (golden(positive_probability=float("nan")), "NaN is not a finite number"),  # it would be close to every answer
        (golden(positive_probability=float("inf")), "Infinity is not a finite number"),
        (golden(note="new"), "0.note"),
        (b'[{"review": "a", "review": "b", "positive_probability": 0.5}]', "'review' occurs 2 times"),
        (b'[{"review": "\xff", "positive_probability": 0.5}]', "not JSON"),
        (NESTED, "nested too deeply"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_load_bundle_with_wrong_golden_reviews_says_why(copy: Path, content: bytes, reason: str) -> None:
    assert_refused_with(copy, "golden.json", content, reason)


GONE = "<gone>"
FIELDS = ("name", "version", "created", "encoding", "vocabulary_size", "recipe", "dataset", "metrics", "libraries")
ENCODING = ("columns", "start_column", "unknown_column", "first_term_column", "longest_term", "kept_punctuation")
DIGEST = "0" * 64

MANIFESTS: list[tuple[str, object, str]] = [
    *((name, GONE, f"{name}: Field required") for name in (*FIELDS, "files")),
    *((name, None, f"{name}: Input should be") for name in (*FIELDS, "files")),
    *((name, [], f"{name}: Input should be") for name in (*FIELDS, "files")),
    *((f"encoding.{name}", GONE, f"encoding: {name} is missing") for name in ENCODING),
    *((f"encoding.{name}", True, f"encoding.{name}: Input should be") for name in ENCODING),
    *((f"encoding.{name}", 4.5, f"encoding.{name}: Input should be") for name in ENCODING),
    ("note", "new", "note: Extra inputs"),
    ("encoding.note", "new", "encoding.note: Unexpected"),
    ("name", 1, "name: Input should be"),
    ("version", 1, "version: Input should be"),
    ("version", "2", "belongs to version 2"),
    ("vocabulary_size", "46", "vocabulary_size: Input should be"),
    ("vocabulary_size", 46.0, "vocabulary_size: Input should be"),
    ("vocabulary_size", True, "vocabulary_size: Input should be"),
    ("vocabulary_size", 1, "the manifest says 1"),
    ("metrics.loss", float("nan"), "NaN is not a finite number"),
    ("metrics.loss", float("-inf"), "-Infinity is not a finite number"),
    ("metrics.loss", "0.3", "metrics.loss: Input should be"),
    ("recipe.seed", float("nan"), "NaN is not a finite number"),
    ("libraries.numpy", 2, "libraries.numpy: Input should be"),
    ("encoding.columns", 0, "columns is 0"),
    ("encoding.columns", -1, "columns is -1"),
    ("encoding.columns", 10**30, "columns is 1000000"),
    ("encoding.first_term_column", -1, "first_term_column is -1"),
    ("encoding.first_term_column", 10_000, "first_term_column is 10000"),
    ("encoding.start_column", -1, "start_column is -1"),
    ("encoding.start_column", 10_000, "start_column is 10000"),
    ("encoding.unknown_column", 4, "unknown_column is 4"),
    ("encoding.longest_term", 0, "longest_term is 0"),
    ("encoding.longest_term", 10**9, "longest_term is 1000000000"),
    ("encoding.kept_punctuation", "a", "kept_punctuation is 'a'"),
    *(
        (f"files.{name}", GONE, f"lists no {name}")
        for name in ("word_index.json", "golden.json", "profile.json", "saved_model.pb")
    ),
    ("files.model.tflite", GONE, "model.tflite: it does not belong to the bundle"),
    ("files.model.tflite", DIGEST, "model.tflite: its SHA-256 is not"),
    ("files.model.tflite", "", "model.tflite: its SHA-256 is not"),
    ("files.model.tflite", None, "files.model.tflite: Input should be"),
    ("files.more.txt", DIGEST, "more.txt: it is missing"),
    ("files.report", DIGEST, "report: it is not a regular file"),
    *(
        (f"files.{name}", DIGEST, f"{name!r} is not the name of a file in a bundle")
        for name in ("../x", "../1/golden.json", "/etc/hostname", "report/../golden.json", "./golden.json")
    ),
    *(
        (f"files.{name}", DIGEST, f"{name!r} is not the name of a file in a bundle")
        for name in ("", ".", "..", "report//loss.png", "report/", "a\0b", MANIFEST, CHECKSUM)
    ),
    ("files." + "x" * 5_000, DIGEST, "File name too long"),
]
"""Where -> what is put there -> what the error says."""


@pytest.mark.parametrize(("place", "value", "reason"), MANIFESTS, ids=lambda value: repr(value)[:40])
def test_load_bundle_with_a_wrong_manifest_says_why(copy: Path, place: str, value: object, reason: str) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    field, dot, key = place.partition(".")
    holder, key = (manifest[field], key) if dot else (manifest, field)
    if value is GONE:
        del holder[key]
    else:
        holder[key] = value
    resealed(copy, json.dumps(manifest).encode())
    said = refusal(copy)
    assert str(copy) in said
    assert reason in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"null", "not a manifest"),
        (b"[]", "not a manifest"),
        (b"{}", "name: Field required"),
        (b"{'name': 1}", "not JSON"),
        (b'{"name": "\xc3"}', "not JSON"),
        (b'{"name": "a", "name": "b"}', "'name' occurs 2 times"),
        (b'{"recipe": {"seed": 1, "seed": 2}}', "'seed' occurs 2 times"),
        (b'{"metrics": {"loss": 1e999}}', "1e999 is not a finite number"),
        (b'{"name": ' + NESTED + b"}", "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"\0" * 1_000, "not JSON"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_load_bundle_with_no_manifest_at_all_says_why(copy: Path, content: bytes, reason: str) -> None:
    resealed(copy, content)
    said = refusal(copy)
    assert str(copy / MANIFEST) in said
    assert reason in said


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.data-00000-of-00001", "model.tflite"])
@pytest.mark.parametrize("damage", ["cut in half", "emptied", "swapped"])
def test_open_classifier_with_a_damaged_network_is_refused(copy: Path, damage: str, name: str) -> None:
    """The digests are right here; the network itself or the golden reviews tell."""
    DAMAGES[damage][0](copy / name)
    resealed(copy)
    with pytest.raises(SentimentError) as raised:
        open_classifier(load_bundle(copy), "litert" if name == "model.tflite" else "tensorflow")
    assert str(copy) in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("nan", "a value outside [0, 1]"),
        ("nothing", "probabilities, but the runtime returned the shape (0,)"),
        ("failure", "its network was loaded by tensorflow, but fails when it is called"),
    ],
)
def test_open_classifier_with_a_network_of_no_use_is_refused(copy: Path, answer: str, reason: str) -> None:
    """It can be loaded, and everything about its files is right."""
    tf = pytest.importorskip("tensorflow")
    module = tf.Module()

    def serve(multi_hot: Any) -> dict[str, Any]:
        first = multi_hot[:, :1]
        answers = {"nan": first * float("nan"), "nothing": first[:0], "failure": tf.reshape(first, (-1, 7, 11))}
        return {"positive_probability": answers[answer]}

    signature = tf.function(serve, input_signature=[tf.TensorSpec((None, 10_000), tf.float32, "multi_hot")])
    tf.saved_model.save(module, os.fspath(copy), signatures={"serving_default": signature})
    shutil.rmtree(copy / "assets", ignore_errors=True)
    resealed(copy)
    with pytest.raises(BundleDamaged) as raised:
        open_classifier(load_bundle(copy), "tensorflow")
    assert str(copy) in str(raised.value)
    assert reason in str(raised.value)


def flip_manifest(folder: Path) -> None:
    flip(1)(folder / MANIFEST)


def nest_word_index(folder: Path) -> None:
    (folder / "word_index.json").write_bytes(NESTED)
    resealed(folder)


def add_file(folder: Path) -> None:
    (folder / "saved_model.cpb").touch()


def pipe_network(folder: Path) -> None:
    pipe_instead(folder / "saved_model.pb")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (flip_manifest, MANIFEST),
        (nest_word_index, "word_index.json"),
        (add_file, "saved_model.cpb"),
        (pipe_network, "saved_model.pb"),
    ],
)
def test_command_with_a_damaged_bundle_ends_with_one_line(
    copy: Path, damage: Callable[[Path], None], named: str
) -> None:
    damage(copy)
    done = run_python("-m", "app", env=environment(model_dir=copy.parent, port=0))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {copy / named}")
    assert len(done.stderr.splitlines()) == 1


def test_command_with_a_file_larger_than_the_memory_names_it(copy: Path) -> None:
    os.truncate(copy / "model.tflite", 4 << 30)  # a hole, which takes no room on the disk
    variables = environment(model_dir=copy.parent, port=0) | {"OPENBLAS_NUM_THREADS": "1"}
    done = run_limited("RLIMIT_AS", 3 << 30, "-m", "app", env=variables)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {copy / 'model.tflite'}: it does not fit into memory")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda profile: profile.pop("words"), "words: Field required"),
        (lambda profile: profile["words"]["counts"].pop(), "words does not have 9 counts"),
        (lambda profile: profile["words"].update(counts=[0] * 9), "or all of them are 0"),
        (lambda profile: profile["words"]["counts"].__setitem__(0, -1), "words.counts.0: Input should be"),
        (lambda profile: profile["words"]["upper_bounds"].__setitem__(0, 11), "words has different bins"),
        (lambda profile: profile.update(mood=1), "mood: Extra inputs"),
    ],
)
def test_load_bundle_with_a_wrong_profile_says_why(
    copy: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    """Compared with it, every review would look strange, or none."""
    profile = json.loads((copy / "profile.json").read_text())
    change(profile)
    assert_refused_with(copy, "profile.json", json.dumps(profile).encode(), reason)
