"""Training on a disk without room: a named error, nothing half-made, and what was there before stays as it was.

A limit on the size of files (`ulimit -f`) stops writes for everybody; a small file system does where tests run as root.
"""

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.progress import Progress

from app.inference.bundle import load_bundle
from tests.corpus import files, write_archive
from tests.inference.test_bundle_faults import run_limited
from training.__main__ import main
from training.archive import load_archives
from training.errors import ReportError
from training.experiments import RUNS, VARIANTS, run_experiments

SMALL = ["--validation", "40", "--epochs", "2", "--batch-size", "16"]


def contents(folder: Path) -> dict[str, bytes]:
    """Relative path -> content, hidden files and folders included."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def assert_explained(errors: str, target: Path, reason: str) -> None:
    """The error is one line, the last, and says what to do."""
    assert "Traceback" not in errors
    (line,) = errors[errors.index("error: ") :].splitlines()
    assert line.startswith(f"error: {target}: the bundle cannot be written (")
    assert reason in line
    assert "{{" not in line
    assert "Op:" not in line
    assert "free some space" in line


def below(name: str) -> Callable[[Path], int]:
    """A little less than the file has; another training may make it some bytes smaller."""
    return lambda bundle: (bundle / name).stat().st_size - 1024


@pytest.mark.parametrize(
    "limit", [lambda bundle: 1, below("model.tflite")], ids=["TensorFlow's first byte", "LiteRT's last bytes"]
)
def test_training_beyond_the_size_of_files_leaves_nothing(
    archive: Path, models: Path, tmp_path: Path, limit: Callable[[Path], int]
) -> None:
    output = Path(shutil.copytree(models, tmp_path / "tiny"))
    before = contents(output)
    options = ("--dataset", str(archive), "--output", str(output), *SMALL)
    variables = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}  # half a .pyc is of no use to anyone
    # Python ignores the signal that comes with this limit, so that writes fail as on a full disk: part of them done.
    done = run_limited("RLIMIT_FSIZE", limit(models / "1"), "-m", "training", *options, env=variables)
    assert done.returncode == 1
    assert done.stdout == ""
    assert_explained(done.stderr, output / "2", "File too large")
    assert contents(output) == before
    assert load_bundle(output / "1").manifest.version == "1"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("there is no `mount` here")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def size_of(bundle: Path) -> int:
    return sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "room",
    [lambda bundle: 0, lambda bundle: 200_000, lambda bundle: 900_000, lambda bundle: size_of(bundle) - 40_000],
    ids=["full", "TensorFlow's network", "LiteRT's network", "report"],
)
def test_training_on_a_full_disk_leaves_nothing(
    archive: Path, models: Path, disk: Path, room: Callable[[Path], int], capsys: pytest.CaptureFixture[str]
) -> None:
    output = Path(shutil.copytree(models, disk / "tiny"))
    before = contents(output)
    free = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize - room(models / "1")))
    arguments = ["--dataset", str(archive), "--output", str(output), *SMALL]
    assert main(arguments) == 1
    assert_explained(capsys.readouterr().err, output / "2", "No space left on device")
    assert contents(output) == before
    assert load_bundle(output / "1").manifest.version == "1"
    (disk / "ballast").unlink()
    assert main(arguments) == 0
    assert load_bundle(output / "2").manifest.version == "2"


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_experiments_on_a_full_disk_keep_the_complete_runs(tmp_path: Path) -> None:
    """Half a line would spoil the file for the command that goes on."""
    dataset = load_archives([write_archive(tmp_path / "a.tar.gz", files(10))], Progress(disable=True))
    folder = tmp_path / "experiments"
    with files_no_larger_than(4_000), pytest.raises(ReportError, match="make room"):
        run_experiments("book", dataset, folder, Progress(disable=True), seeds=(0,))
    kept = [json.loads(line)["variant"] for line in (folder / RUNS).read_text().splitlines()]
    assert kept == list(VARIANTS["book"])[: len(kept)]
    assert 0 < len(kept) < len(VARIANTS["book"])
    assert (folder / RUNS).read_text().endswith("\n")
