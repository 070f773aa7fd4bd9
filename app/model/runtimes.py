"""Runtimes, which execute a bundle's network: TensorFlow its SavedModel, or NumPy the same layers (`network.py`).

A runtime's package is imported only when that runtime is opened.
"""

import logging
import os
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import PackageMissing, damaged
from .network import ACTIVATIONS, Layer, Network
from .packages import how_to_install
from .vocabulary import Row

BATCH = 64
"""Maximum rows per call to a network."""

SIZES = (1, 2, 4, 8, 16, 32, BATCH)
"""Batch sizes that TensorFlow is called with. The first call with a size takes longer, up to 100 ms with oneDNN,
so there are few, and all are run before the service is ready; batches of other sizes are padded with empty rows."""

ALIGNMENT = 64
"""Bytes. TensorFlow can share the memory of an array that starts at a multiple of it, and aborts the process on any
other. If a later version needs more, that happens when the runtime is opened, before the service is ready."""

SAVED_MODEL_FILE = "saved_model.pb"


class Runtime(Protocol):
    """A network, ready to be called from one thread at a time.

    Attributes:
        columns: Width of its input.
        linger: Seconds that concurrent requests may wait for each other, because a call costs about the same for one
            row as for sixteen; 0 where a call costs next to nothing.
    """

    columns: int
    linger: float

    def __call__(self, rows: Sequence[Row]) -> NDArray[np.floating[Any]]:
        """Estimate probabilities.

        Args:
            rows: Encoded reviews, 1 to BATCH.

        Returns:
            (rows,), one probability in [0, 1] per review. The last bits, less than 1e-6, may depend on the processor,
            the runtime, library versions and the other rows.
        """
        ...


class TensorFlowRuntime:
    """A bundle's folder as a SavedModel, called through its serving signature.

    Raises:
        PackageMissing: TensorFlow is not installed.
        BundleError: TensorFlow cannot read the SavedModel, or its signature is not that of a bundle.
    """

    linger = 0.001

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # A network this small gains nothing from several threads, and workers would compete for cores.
        for pool in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(pool, "1")
        tf = import_tensorflow()
        try:
            self._model = tf.saved_model.load(str(folder))  # kept: the signature does not keep the variables alive
            signature = self._model.signatures["serving_default"]
            spec = signature.structured_input_signature[1]["multi_hot"]
            columns = spec.shape[1]
            # A function of one positional argument costs less to call than the signature with keyword arguments.
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
        self._share = tf.experimental.dlpack.from_dlpack  # saves a copy, a good part of the call
        # One matrix for all calls, zero between them: allocating 2.5 MB of zeros would cost more than the network.
        memory = np.zeros(4 * BATCH * self.columns + ALIGNMENT, np.uint8)
        self._cells = memory[-memory.ctypes.data % ALIGNMENT :][: 4 * BATCH * self.columns].view(np.float32)
        for size in SIZES:
            self._run(size)

    def __call__(self, rows: Sequence[Row]) -> NDArray[np.floating[Any]]:
        """See `Runtime`."""
        starts = np.arange(len(rows)) * self.columns  # (rows,), the first cell of each row
        on = np.concatenate([row.columns for row in rows]) + starts.repeat([len(row.columns) for row in rows])
        self._cells[on] = 1.0
        try:
            return self._run(SIZES[bisect_left(SIZES, len(rows))])[: len(rows)]
        finally:
            self._cells[on] = 0.0

    def network(self) -> Network:
        """The same layers for NumPy; for bundles that have no file with them.

        Raises:
            BundleError: The SavedModel is not one that training here wrote.
        """
        try:
            arrays = [variable.numpy() for variable in self._model.variables_to_save]
            library = self._call.graph.as_graph_def().library
            operations = {node.op.lower() for function in library.function for node in function.node_def}
            layers = [Layer(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True)]
            return Network(layers, next(name for name in ACTIVATIONS if name in operations))
        except (AttributeError, StopIteration, TypeError, ValueError) as error:
            raise damaged(self._folder / SAVED_MODEL_FILE, "its layers are not those of a bundle's network") from error

    def _run(self, size: int) -> NDArray[np.float32]:
        """Call the network with the first `size` rows of the matrix; float32 (size,)."""
        multi_hot = self._cells[: size * self.columns].reshape(size, self.columns)
        probabilities: NDArray[np.float32] = self._call(self._share(multi_hot.__dlpack__())).numpy()
        return probabilities.reshape(-1)


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
            f"the runtime `tensorflow` needs the package tensorflow; {how_to_install('tensorflow')}"
        ) from error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return tf


RUNTIMES = ("tensorflow", "numpy")
"""The runtimes by name, as in SENTIMENT_RUNTIME."""
