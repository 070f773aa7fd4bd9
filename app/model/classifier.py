"""The classifier: from raw reviews to predictions, and what they are without some of the terms."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .calibration import Calibration, calibrated
from .errors import InferenceError
from .network import Floats, Network, probability_of
from .prediction import Prediction, Reason, UncertaintyRule, prediction_of
from .runtimes import BATCH, Runtime
from .vocabulary import Found, Row, Vocabulary


class Encoded(NamedTuple):
    """A batch of encoded reviews, one row each, and the terms that were found in them."""

    rows: list[Row]
    found: Found


class Classifier:
    """A vocabulary, a network and a rule that belong together.

    Args:
        vocabulary: Encodes texts.
        runtime: Runs the network; called by one thread at a time.
        network: The same network, for the effects of terms.
        uncertainty: Decides which predictions are uncertain.
        calibration: Corrects every probability of the network; None leaves them as they are.

    Raises:
        ValueError: The network's input is not as wide as the vocabulary's rows.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        runtime: Runtime,
        network: Network,
        uncertainty: UncertaintyRule,
        calibration: Calibration | None = None,
    ) -> None:
        for columns in (runtime.columns, network.columns):
            if columns != vocabulary.encoding.columns:
                raise ValueError(
                    f"the network reads {columns} columns, but the vocabulary has {vocabulary.encoding.columns}"
                )
        self.vocabulary = vocabulary
        self.runtime = runtime
        self.uncertainty = uncertainty
        self._network = network
        self._calibration = calibration

    def calibrated(self, calibration: Calibration, uncertainty: UncertaintyRule) -> "Classifier":
        """The same network with another calibration and rule."""
        return Classifier(self.vocabulary, self.runtime, self._network, uncertainty, calibration)

    def predict(self, reviews: Sequence[str], top: int = 0) -> list[Prediction]:
        """Estimate how likely each review is to be positive.

        Args:
            reviews: Raw texts; may be empty. BATCH of them are encoded at a time, so any number fits into memory.
            top: Maximum number of terms per prediction; see `with_reasons`.

        Returns:
            One prediction per review, in the same order; probabilities are in [0, 1].

        Raises:
            InferenceError: The runtime returned an unexpected shape or a value outside [0, 1].
        """
        predictions: list[Prediction] = []
        for start in range(0, len(reviews), BATCH):
            encoded = self.encode(reviews[start : start + BATCH])
            batch = self.predict_rows(encoded.rows)
            if top:
                batch = [self.with_reasons(encoded, index, each, top) for index, each in enumerate(batch)]
            predictions += batch
        return predictions

    def encode(self, reviews: Sequence[str]) -> Encoded:
        """Encode raw texts, one batch: the first half of `predict`."""
        found = self.vocabulary.find([self.vocabulary.clean(review) for review in reviews])
        return Encoded(self.vocabulary.rows(found), found)

    def predict_rows(self, rows: Sequence[Row]) -> list[Prediction]:
        """Run the network on encoded reviews: the second half of `predict`."""
        predictions: list[Prediction] = []
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            for row, probability in zip(batch, self._run(batch), strict=True):
                predictions.append(self.prediction(probability, row))
        return predictions

    def with_reasons(self, encoded: Encoded, index: int, prediction: Prediction, top: int) -> Prediction:
        """Add to a prediction what it is based on most: its terms with the largest effects.

        Args:
            encoded: The batch that contains the review.
            index: Its index in the batch.
            prediction: The prediction for it.
            top: Maximum number of terms.

        Raises:
            InferenceError: See `log_odds_without`.
        """
        row = encoded.rows[index]
        columns = row.columns[row.columns.searchsorted(self.vocabulary.encoding.first_term_column) :]
        log_odds = self.log_odds_without(row, columns)
        effects = log_odds[0] - log_odds[1:]
        largest = np.argsort(-np.abs(effects), kind="stable")[:top]
        whole, *without = probability_of(log_odds[np.append(0, largest + 1)]).tolist()
        terms: dict[int, dict[str, None]] = {column: {} for column in columns[largest].tolist()}
        for occurrence in encoded.found.occurrences(index, columns[largest]):
            terms[occurrence.column][occurrence.term] = None
        reasons = [
            Reason(list(names), effect, whole - probability, probability)
            for names, effect, probability in zip(terms.values(), effects[largest].tolist(), without, strict=True)
        ]
        return replace(prediction, terms=reasons)

    def log_odds_without(self, row: Row, columns: NDArray[np.int32]) -> Floats:
        """The log-odds of one encoded review as it is, then without each of some columns, calibrated.

        Args:
            row: The review.
            columns: int32 (n,), columns that are on in it.

        Returns:
            float64 (1 + n,), in the order of the columns.

        Raises:
            InferenceError: The network returned something that is not a number.
        """
        log_odds = self._network.log_odds_without(row, columns)
        if not np.isfinite(log_odds).all():
            raise InferenceError("the network returned a value that is not a number")
        if self._calibration is not None:
            log_odds = self._calibration.scale * log_odds + self._calibration.shift
        return log_odds

    def prediction(self, probability: float, row: Row) -> Prediction:
        """The prediction for an encoded review, given its calibrated probability."""
        return prediction_of(probability, row.words, row.known_words, self.uncertainty)

    def _run(self, rows: Sequence[Row]) -> list[float]:
        """Call the network with at most BATCH rows."""
        output = self.runtime(rows)  # (rows,)
        if output.shape != (len(rows),):
            raise InferenceError(
                f"expected {len(rows)} probabilities, but the runtime returned the shape {output.shape}"
            )
        probabilities: list[float] = output.tolist()
        if not all(0 <= probability <= 1 for probability in probabilities):  # also false for NaN
            raise InferenceError("the runtime returned a value outside [0, 1]")
        if self._calibration is None:
            return probabilities
        scale, shift = self._calibration.scale, self._calibration.shift
        return [calibrated(probability, scale, shift) for probability in probabilities]
