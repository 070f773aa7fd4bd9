"""The network gives the same answers alone, in batches and in padded ones, whatever runs it."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from app.inference.bundle import Bundle
from app.inference.errors import BundleDamaged
from app.inference.runtimes import ALIGNMENT, BATCH_SIZES, RUNTIMES, Runtime, aligned_zeros, open_runtime
from tests.servers import run_python


@pytest.fixture(scope="module")
def runtimes(bundle: Bundle) -> dict[str, Runtime]:
    return {name: open_runtime(name, bundle.folder) for name in RUNTIMES}


def some_rows(batch: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    rng = np.random.default_rng(batch)
    return (rng.random((batch, 10_000)) < 0.01).astype(np.float32)


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("batch", BATCH_SIZES)
def test_runtime_batch_equals_single_calls(runtimes: dict[str, Runtime], name: str, batch: int) -> None:
    runtime = runtimes[name]
    multi_hot = some_rows(batch)
    together = runtime(multi_hot)
    assert runtime.columns == 10_000
    assert together.shape == (batch,)
    assert together.dtype == np.float32
    alone = [runtime(row[None])[0] for row in multi_hot]
    np.testing.assert_allclose(together, np.array(alone, np.float32), atol=1e-6)


def test_runtimes_agree(runtimes: dict[str, Runtime]) -> None:
    multi_hot = some_rows(BATCH_SIZES[-1])
    first, second = (runtime(multi_hot) for runtime in runtimes.values())
    np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("offset", [0, 4, 16])
def test_runtime_reads_memory_of_any_alignment(runtimes: dict[str, Runtime], name: str, offset: int) -> None:
    rows = some_rows(4)
    memory = aligned_zeros(5, 10_000).reshape(-1)[offset // 4 :][: rows.size].reshape(rows.shape)
    assert memory.ctypes.data % ALIGNMENT == offset
    memory[:] = rows
    np.testing.assert_array_equal(runtimes[name](memory), runtimes[name](rows))


def test_batch_sizes_ascend_from_one() -> None:
    assert BATCH_SIZES[0] == 1
    assert list(BATCH_SIZES) == sorted(set(BATCH_SIZES))


OPEN = """
import sys
from pathlib import Path
for module in sys.argv[3:]:
    sys.modules[module] = None
from app.inference.bundle import load_bundle
from app.inference.classifier import open_classifier
try:
    open_classifier(load_bundle(Path(sys.argv[1])), sys.argv[2])
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(*sorted(sys.modules))
"""


def run_open(folder: Path, runtime: str, *missing: str) -> "subprocess.CompletedProcess[str]":
    """Open a bundle in a new process, in which some packages cannot be imported."""
    return run_python("-c", OPEN, str(folder), runtime, *missing)


def test_litert_needs_nothing_of_tensorflow(bundle: Bundle) -> None:
    done = run_open(bundle.folder, "litert", "tensorflow", "keras")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no notices either
    assert not {"scipy", "matplotlib", "sklearn", "fastapi"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("runtime", "package", "command"),
    [
        ("tensorflow", "tensorflow", "`make setup`"),
        ("litert", "ai_edge_litert.interpreter", "`make setup RUNTIME=litert`"),
    ],
)
def test_runtime_without_its_package_says_what_to_install(
    bundle: Bundle, runtime: str, package: str, command: str
) -> None:
    done = run_open(bundle.folder, runtime, package)
    assert done.returncode == 1
    assert "RuntimeUnavailable" in done.stderr
    assert command in done.stderr


@pytest.mark.parametrize(("runtime", "file"), [("tensorflow", "saved_model.pb"), ("litert", "model.tflite")])
def test_runtime_of_a_broken_network_names_its_file(bundle: Bundle, tmp_path: Path, runtime: str, file: str) -> None:
    copy = Path(shutil.copytree(bundle.folder, tmp_path / "1"))
    (copy / file).write_bytes(b"no network")
    with pytest.raises(BundleDamaged, match=file):
        open_runtime(runtime, copy)
