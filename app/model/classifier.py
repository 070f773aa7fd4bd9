"""The classifier: from raw reviews to predictions, and what they are without some of the terms."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .calibration import Calibration, calibrated
from .errors import InferenceError
from .network import Network, probability_of
from .prediction import Prediction, Reason, UncertaintyRule, prediction_of
from .runtimes import BATCH, Runtime
from .vocabulary import Found, Row, Vocabulary


class Effects(NamedTuple):
    """The prediction for a review, and the effects of its terms, computed from the log-odds.

    Attributes:
        log_odds: The log-odds of the prediction.
        probability: Its probability.
        columns: The columns of the terms, largest effect first.
        numbers: For each column, its effects on the log-odds and on the probability, and the probability without it.
    """

    log_odds: float
    probability: float
    columns: list[int]
    numbers: list[tuple[float, float, float]]


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
            top: Maximum number of terms with the largest effects per prediction.

        Returns:
            One prediction per review, in the same order; probabilities are in [0, 1].

        Raises:
            InferenceError: The runtime returned an unexpected shape or a value outside [0, 1].
        """
        predictions: list[Prediction] = []
        for start in range(0, len(reviews), BATCH):
            found = self.encode(reviews[start : start + BATCH])
            predictions += self.predict_encoded(found, [top] * len(found.rows))
        return predictions

    def encode(self, reviews: Sequence[str]) -> Found:
        """Encode raw texts: the first half of `predict`."""
        return self.vocabulary.find([self.vocabulary.clean(review) for review in reviews])

    def predict_encoded(self, found: Found, tops: Sequence[int]) -> list[Prediction]:
        """Run the network on 1 to BATCH encoded reviews, with a maximum number of terms for each: the second half."""
        predictions = []
        for index, (row, probability, top) in enumerate(zip(found.rows, self._run(found.rows), tops, strict=True)):
            terms = self._reasons(found, index, top) if top else None
            predictions.append(prediction_of(probability, row.words, row.known_words, self.uncertainty, terms))
        return predictions

    def effects(self, row: Row, top: int | None = None) -> Effects:
        """Compute the effects of the terms of an encoded review: the prediction minus the one without their column.

        Args:
            row: The review.
            top: Maximum number of columns; None for all.

        Raises:
            InferenceError: The network returned something that is not a number.
        """
        columns = row.columns[row.columns.searchsorted(self.vocabulary.encoding.first_term_column) :]
        log_odds = self._network.log_odds_without(row, columns)  # (1 + columns,)
        if not np.isfinite(log_odds).all():
            raise InferenceError("the network returned a value that is not a number")
        if self._calibration is not None:
            log_odds = self._calibration.scale * log_odds + self._calibration.shift
        probabilities = probability_of(log_odds)
        effects = log_odds[0] - log_odds[1:]
        largest = (-np.abs(effects)).argsort(kind="stable")[:top]
        without = probabilities[1:][largest]
        numbers = zip(effects[largest].tolist(), (probabilities[0] - without).tolist(), without.tolist(), strict=True)
        return Effects(float(log_odds[0]), float(probabilities[0]), columns[largest].tolist(), list(numbers))

    def _reasons(self, found: Found, index: int, top: int) -> list[Reason]:
        """The terms of one review with the largest effects."""
        effects = self.effects(found.rows[index], top)
        terms: dict[int, dict[str, None]] = {column: {} for column in effects.columns}
        for occurrence in found.occurrences(index, effects.columns):
            terms[occurrence.column][occurrence.term] = None
        return [Reason(list(names), *numbers) for names, numbers in zip(terms.values(), effects.numbers, strict=True)]

    def _run(self, rows: Sequence[Row]) -> list[float]:
        """Estimate the probabilities of at most BATCH reviews, calibrated."""
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
