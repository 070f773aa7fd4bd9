"""Runtimes, which execute a bundle's network.

A runtime is a callable that takes multi-hot batches; `open_runtime` opens the one that the settings name. A runtime's
package is imported only when that runtime is opened.
"""

import logging
import os
import shutil
import subprocess
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.inference.errors import PackageMissing, damaged
from app.inference.packages import how_to_install

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Batch sizes that the network is called with. The first call with a size takes longer, up to 100 ms with oneDNN, so
there are few, and all are run before the service is ready; batches of other sizes are padded with empty rows."""

SAVED_MODEL_FILE = "saved_model.pb"
LITERT_FILE = "model.tflite"

ALIGNMENT = 64
"""Bytes. TensorFlow can share the memory of an array that starts at a multiple of it, and aborts the process on any
other. If a later version needs more, that happens in `open_runtime`, before the service is ready."""

NOTICE = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU."
"""What LiteRT writes to standard error when a process loads its first model; no setting silences it."""


def aligned_zeros(rows: int, columns: int) -> NDArray[np.float32]:
    """Allocate a matrix whose memory every runtime can share.

    Returns:
        float32 (rows, columns), all zero.
    """
    size = 4 * rows * columns
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(np.float32).reshape(rows, columns)


def padded_size(rows: int) -> int:
    """The smallest of BATCH_SIZES that fits this many rows, which are 1 to 64."""
    return BATCH_SIZES[bisect_left(BATCH_SIZES, rows)]


class Runtime(Protocol):
    """A network, ready to be called from one thread at a time.

    Attributes:
        columns: Width of its input.
        linger: Seconds that concurrent requests may wait for each other, because a call costs about the same for one
            row as for sixteen; 0 where a call costs next to nothing.
        min_rows: Minimum rows per call, so that the last bits of a probability do not depend on the rest of the batch.
    """

    columns: int
    linger: float
    min_rows: int

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        """Estimate probabilities.

        Args:
            multi_hot: float32 (batch, columns); the batch size is one of BATCH_SIZES, and `Classifier` pads to it.

        Returns:
            float32 (batch,), one probability in [0, 1] per row.
        """
        ...


class TensorFlowRuntime:
    """The bundle's SavedModel, called through its serving signature.

    Args:
        folder: The bundle's folder, which is a SavedModel.

    Raises:
        PackageMissing: TensorFlow is not installed.
        BundleError: TensorFlow cannot read the SavedModel, or its signature is not that of a bundle.
    """

    linger = 0.001
    min_rows = 2  # a single row would be multiplied in a different order; the second row costs 1 %

    def __init__(self, folder: Path) -> None:
        # A network this small gains nothing from several threads, and workers would compete for cores.
        for pool in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(pool, "1")
        tf = import_tensorflow()
        try:
            self._model = tf.saved_model.load(str(folder))  # kept: the signature does not keep the variables alive
            signature = self._model.signatures["serving_default"]
            spec = signature.structured_input_signature[1]["multi_hot"]
            columns = spec.shape[1]
            # A function of one positional argument costs half as much to call as the signature with keyword arguments.
            self._call = tf.function(
                lambda multi_hot: signature(multi_hot=multi_hot)["positive_probability"],
                input_signature=[spec],
                autograph=False,
            ).get_concrete_function()
        except Exception as error:  # TensorFlow may raise anything for a bad file; the cause is chained
            raise damaged(folder / SAVED_MODEL_FILE, "TensorFlow cannot load this SavedModel") from error
        if columns is None:
            raise damaged(
                folder / SAVED_MODEL_FILE, "its signature is not multi_hot (batch, columns) -> positive_probability"
            )
        self.columns = int(columns)
        self._constant = tf.constant
        self._from_dlpack = tf.experimental.dlpack.from_dlpack

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Runtime`."""
        # Sharing the array's memory saves the copy that `tf.constant` makes: 386 -> 280 us per call with 16 rows, and
        # with 64 reviews per request a fifth of the service's processor time.
        if multi_hot.ctypes.data % ALIGNMENT == 0 and multi_hot.flags.c_contiguous:
            tensor = self._from_dlpack(multi_hot.__dlpack__())
        else:
            tensor = self._constant(multi_hot)
        probabilities: NDArray[np.float32] = self._call(tensor).numpy().reshape(-1)
        return probabilities


class LiteRTRuntime:
    """The bundle's model.tflite, run by LiteRT: the same network without TensorFlow.

    Args:
        folder: The bundle's folder.

    Raises:
        PackageMissing: LiteRT is not installed.
        BundleError: LiteRT cannot read the file, or its shape is not that of a bundle.
    """

    linger = 0.0
    min_rows = 1

    def __init__(self, folder: Path) -> None:
        interpreter = _import_litert()
        path = folder / LITERT_FILE
        try:
            with _without_notice():
                self._model = interpreter(model_path=str(path), num_threads=1)
                self._model.allocate_tensors()
            (input_,), (output,) = self._model.get_input_details(), self._model.get_output_details()
            self._size, self.columns = map(int, input_["shape"])
        except (ValueError, RuntimeError, IndexError, OSError) as error:
            raise damaged(path, "LiteRT cannot load this model") from error
        self._input, self._output = input_["index"], output["index"]

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Runtime`."""
        if len(multi_hot) != self._size:  # takes 4 us; one interpreter per size would take 13 MB more
            self._model.resize_tensor_input(self._input, multi_hot.shape)
            self._model.allocate_tensors()
            self._size = len(multi_hot)
        self._model.set_tensor(self._input, multi_hot)
        self._model.invoke()
        probabilities: NDArray[np.float32] = self._model.get_tensor(self._output).reshape(-1)
        return probabilities


def _import_litert() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise PackageMissing(
            "the runtime `litert` needs the package ai-edge-litert; install it with "
            f"{how_to_install('litert', 'ai-edge-litert')}"
        ) from error
    return Interpreter


def import_tensorflow() -> Any:
    """Import TensorFlow without its notices; its errors still show.

    oneDNN is off unless the environment says otherwise: it gains nothing here (2 and 64 rows were measured), the last
    bits of its results depend on the processor, and no setting silences its notice on standard error.

    Raises:
        PackageMissing: It is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # keeps errors; read by the C++ side during the import
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise PackageMissing(
            "the runtime `tensorflow` needs the package tensorflow; install it with "
            f"{how_to_install('serving', 'tensorflow')}"
        ) from error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return tf


@contextmanager
def _without_notice() -> Iterator[None]:
    """Pass standard error through grep, which drops the notice.

    Nothing else is lost: grep is another process, so it also prints what LiteRT says before it aborts this one. This
    takes 2 ms, once per loaded bundle.
    """
    grep = shutil.which("grep")
    if grep is None:
        yield
        return
    command = [grep, "--text", "--invert-match", "--fixed-strings", NOTICE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=2) as filtering:  # noqa: S603  # nothing is untrusted
        assert filtering.stdin is not None
        stderr = os.dup(2)
        os.dup2(filtering.stdin.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


RUNTIMES: dict[str, Callable[[Path], Runtime]] = {"tensorflow": TensorFlowRuntime, "litert": LiteRTRuntime}
"""The runtimes by name, as in SENTIMENT_RUNTIME."""


def open_runtime(name: str, folder: Path) -> Runtime:
    """Load a bundle's network and call it once with every batch size, so that no request pays for the first call.

    Args:
        name: A key of `RUNTIMES`.
        folder: The bundle's folder.

    Raises:
        PackageMissing: The runtime's package is not installed.
        BundleError: The network cannot be loaded, or fails when it is called.
    """
    runtime = RUNTIMES[name](folder)
    try:
        for size in BATCH_SIZES:
            runtime(aligned_zeros(size, runtime.columns))
    except Exception as error:  # a runtime may raise anything; the cause is chained
        raise damaged(folder, f"its network was loaded by {name}, but fails when it is called") from error
    return runtime
