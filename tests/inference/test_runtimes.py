"""TensorFlow and LiteRT run the same network."""

import signal
import sys

import numpy as np
import pytest

from app.inference.bundle import Bundle
from app.inference.errors import PackageMissing
from app.inference.runtimes import ALIGNMENT, RUNTIMES, Runtime, aligned_zeros, open_runtime
from tests.servers import run_python

ROWS = (np.random.default_rng(0).random((4, 10_000)) < 0.01).astype(np.float32)


@pytest.fixture(scope="module")
def runtimes(bundle: Bundle) -> dict[str, Runtime]:
    return {name: open_runtime(name, bundle.folder) for name in RUNTIMES}


def test_runtimes_agree(runtimes: dict[str, Runtime]) -> None:
    first, second = (runtime(ROWS) for runtime in runtimes.values())
    np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("offset", [0, 4, 16])
def test_runtime_reads_memory_of_any_alignment(runtimes: dict[str, Runtime], name: str, offset: int) -> None:
    memory = aligned_zeros(5, 10_000).reshape(-1)[offset // 4 :][: ROWS.size].reshape(ROWS.shape)
    assert memory.ctypes.data % ALIGNMENT == offset
    memory[:] = ROWS
    np.testing.assert_array_equal(runtimes[name](memory), runtimes[name](ROWS))


ABORTING = """
import os, sys, types

def interpreter(**_):
    print("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\nthe reason", file=sys.stderr, flush=True)
    os.abort()

sys.modules["ai_edge_litert.interpreter"] = types.SimpleNamespace(Interpreter=interpreter)
from app.inference.runtimes import open_runtime
open_runtime("litert", __import__("pathlib").Path("models/imdb/3"))
"""


def test_litert_that_aborts_says_why_and_nothing_else() -> None:
    done = run_python("-c", ABORTING)
    assert (done.returncode, done.stderr) == (-signal.SIGABRT, "the reason\n")


@pytest.mark.parametrize(
    ("runtime", "package", "command"),
    [
        ("tensorflow", "tensorflow", "requirements/serving.txt`"),
        ("litert", "ai_edge_litert.interpreter", "requirements/litert.txt`"),
    ],
)
def test_runtime_without_its_package_says_what_to_install(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, runtime: str, package: str, command: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PackageMissing, match=command):
        open_runtime(runtime, bundle.folder)
