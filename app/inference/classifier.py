"""The classifier: from raw reviews to predictions.

Cost per review, LiteRT, in batches of 16: 5 us for cleaning, 17 us for finding terms, 11 us for the network.
"""

from collections.abc import Sequence

import numpy as np

from app.inference.bundle import GOLDEN, Bundle
from app.inference.calibration import Calibration, calibrated
from app.inference.errors import InferenceError, damaged
from app.inference.prediction import Prediction, UncertaintyRule, prediction_of
from app.inference.runtimes import BATCH_SIZES, Runtime, aligned_zeros, open_runtime, padded_size
from app.inference.vocabulary import Row, Vocabulary

GOLDEN_TOLERANCE = 1e-4
"""Maximum difference between a golden review's probability and the one recorded at training time. Processors and
library versions differ in the last bits (1e-6); a wrong word index or tokeniser differs by far more."""

BATCH = BATCH_SIZES[-1]
"""Maximum rows per call to the network."""


class Classifier:
    """A vocabulary, a network and a rule that belong together.

    Args:
        vocabulary: Encodes texts.
        runtime: Runs the network; called by one thread at a time.
        uncertainty: Decides which predictions are uncertain.
        calibration: Corrects every probability of the network; None leaves them as they are.

    Raises:
        ValueError: The network's input is not as wide as the vocabulary's rows.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        runtime: Runtime,
        uncertainty: UncertaintyRule,
        calibration: Calibration | None = None,
    ) -> None:
        if runtime.columns != vocabulary.encoding.columns:
            raise ValueError(
                f"the network reads {runtime.columns} columns, but the vocabulary has {vocabulary.encoding.columns}"
            )
        self.vocabulary = vocabulary
        self.runtime = runtime
        self.uncertainty = uncertainty
        self._calibration = calibration
        # One matrix for all calls, zero between them: allocating 2.5 MB of zeros would cost more than the network.
        self._multi_hot = aligned_zeros(BATCH, runtime.columns)
        self._flat = self._multi_hot.reshape(-1)  # the same memory
        self._starts = np.arange(BATCH) * runtime.columns  # (BATCH,), where each line starts in it

    def predict(self, reviews: Sequence[str]) -> list[Prediction]:
        """Estimate how likely each review is to be positive.

        Args:
            reviews: Raw texts; may be empty. BATCH of them are encoded at a time, so any number fits into memory.

        Returns:
            One prediction per review, in the same order; probabilities are in [0, 1].

        Raises:
            InferenceError: The runtime returned an unexpected shape or a value outside [0, 1].
        """
        predictions: list[Prediction] = []
        for start in range(0, len(reviews), BATCH):
            predictions += self.predict_rows(self.encode(reviews[start : start + BATCH]))
        return predictions

    def encode(self, reviews: Sequence[str]) -> list[Row]:
        """Encode raw texts, one batch: the first half of `predict`."""
        return self.vocabulary.encode_batch([self.vocabulary.clean(review) for review in reviews])

    def predict_rows(self, rows: Sequence[Row]) -> list[Prediction]:
        """Run the network on encoded reviews: the second half of `predict`."""
        probabilities: list[float] = []
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            counts = [len(row.columns) for row in batch]
            on = np.concatenate([row.columns for row in batch]) + np.repeat(self._starts[: len(batch)], counts)
            self._flat[on] = 1.0
            try:
                probabilities += self._call(len(batch))
            finally:
                self._flat[on] = 0.0
        return self._predictions(probabilities, rows)

    def predict_without(self, row: Row, columns: Sequence[int | None]) -> list[Prediction]:
        """Run the network on one encoded review several times, each time with one of its columns switched off.

        This copies the row instead of encoding it anew, which would take 14 times as long for the longest reviews.

        Args:
            row: The review.
            columns: 1 to BATCH columns to switch off, one at a time; None leaves the row as it is.

        Returns:
            One prediction per column, in the same order.

        Raises:
            InferenceError: See `predict`.
        """
        multi_hot = self._multi_hot[: len(columns)]
        try:
            multi_hot[0, row.columns] = 1.0
            multi_hot[1:] = multi_hot[0]
            for line, column in zip(multi_hot, columns, strict=True):
                if column is not None:
                    line[column] = 0.0
            probabilities = self._call(len(columns))
        finally:
            multi_hot[:] = 0.0
        return self._predictions(probabilities, [row] * len(columns))

    def _call(self, count: int) -> list[float]:
        """Call the network with the first lines of the matrix, padded with empty ones to one of BATCH_SIZES."""
        size = padded_size(max(count, self.runtime.min_rows))
        output = self.runtime(self._multi_hot[:size])  # (size,)
        if output.shape != (size,):
            raise InferenceError(f"expected {size} probabilities, but the runtime returned the shape {output.shape}")
        probabilities: list[float] = output[:count].tolist()
        if not all(0 <= probability <= 1 for probability in probabilities):  # also false for NaN
            raise InferenceError("the runtime returned a value outside [0, 1]")
        if self._calibration is None:
            return probabilities
        scale, shift = self._calibration.scale, self._calibration.shift
        return [calibrated(probability, scale, shift) for probability in probabilities]

    def _predictions(self, probabilities: Sequence[float], rows: Sequence[Row]) -> list[Prediction]:
        return [
            prediction_of(probability, row.words, row.known_words, self.uncertainty)
            for probability, row in zip(probabilities, rows, strict=True)
        ]


def open_classifier(bundle: Bundle, runtime: str) -> Classifier:
    """Load a verified bundle's network and replay its golden reviews.

    Args:
        bundle: A bundle from `load_bundle`.
        runtime: A key of `runtimes.RUNTIMES`.

    Raises:
        BundleError: The network cannot be loaded, does not match the vocabulary, or fails a golden review.
        PackageMissing: The runtime's package is not installed.
    """
    try:
        network = open_runtime(runtime, bundle.folder)
        manifest = bundle.manifest
        classifier = Classifier(bundle.vocabulary, network, manifest.uncertainty, manifest.calibration)
        predictions = classifier.predict([golden.review for golden in bundle.golden])
    except (ValueError, InferenceError) as error:
        raise damaged(bundle.folder, str(error)) from error
    for golden, prediction in zip(bundle.golden, predictions, strict=True):
        if abs(golden.positive_probability - prediction.positive_probability) > GOLDEN_TOLERANCE:
            raise damaged(
                bundle.folder / GOLDEN,
                f"the review {golden.review[:40]!r} should score {golden.positive_probability:.6f} but scores "
                f"{prediction.positive_probability:.6f}: text is vectorised differently than in training",
            )
    return classifier
