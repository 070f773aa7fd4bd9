"""A full disk: a clear error, nothing half-written, and earlier results stay as they were.

A limit on the size of files (`ulimit -f`) makes writes fail as on a full disk: after some bytes.
"""

import json
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.training.commands import run
from training import book
from training.experiments import RUNS

pytestmark = pytest.mark.slow


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Python ignores the signal of this limit, so that writes fail with an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> dict[str, bytes]:
    """Relative path -> content, including hidden files and folders."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "limit",
    [lambda _: 1, lambda bundle: (bundle / "network.npz").stat().st_size - 1024],
    ids=["TensorFlow's first byte", "NumPy's last bytes"],
)
def test_training_on_a_full_disk_leaves_nothing(
    archive: Path, models: Path, tmp_path: Path, limit: Callable[[Path], int]
) -> None:
    output = Path(shutil.copytree(models, tmp_path / "tiny"))
    before = contents(output)
    options = ["--dataset", archive, "--output", output, "--validation", 40, "--epochs", 1]
    with files_no_larger_than(limit(models / "1")):
        errors = run(*options, code=1).stderr
    (line,) = [line for line in errors.splitlines() if "error: " in line]
    for part in (f"{output / '2'}: the bundle cannot be written", "File too large", "free some space"):
        assert part in line
    assert "{{" not in line  # TensorFlow's own message names its operations
    assert contents(output) == before


def test_experiments_on_a_full_disk_keep_the_complete_runs(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line would break the file for the command that continues."""
    monkeypatch.setattr(book, "VARIANTS", {name: book.Book(epochs=1) for name in "abc"})
    with files_no_larger_than(700):
        errors = run("experiments", "--dataset", archive, "--output", tmp_path, "--seeds", 0, code=1).stderr
    assert "Complete runs are kept" in errors
    kept = [json.loads(line)["variant"] for line in (tmp_path / "book" / RUNS).read_text().splitlines()]
    assert kept == ["a", "b"]
