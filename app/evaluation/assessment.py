"""How good a bundle is on a file of labelled texts: all that `evaluate` reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import entr
from sklearn.metrics import confusion_matrix

from ..bundles.manifest import Manifest
from ..model.calibration import Calibration, calibrated
from ..model.classifier import Classifier
from .labelled import LabelledTexts
from .metrics import SIGNIFICANT, HeldOut, auc_p_value, certain_under, evaluate, interval_of, measure, reliability

CLASSES = ("positive", "negative")
MAX_MISTAKES = 10
DRAWS = 10_000
"""Sets of labels that are drawn to find out what chance does; enough for three digits."""


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction."""

    place: str  # of the text, file:line
    label: str  # `positive` or `negative`
    positive_probability: float
    text: str

    @property
    def line(self) -> str:
        """Line of the text in its file."""
        return self.place.rpartition(":")[2]


@dataclass(frozen=True)
class Assessment:
    """How good predictions are on a file of labelled texts. All intervals are 95% intervals (Wilson 1927)."""

    reviews: int
    positive_reviews: int
    accuracy: float  # share of texts on the right side of 0.5
    accuracy_interval: Sequence[float]  # its two ends
    majority_accuracy: float  # of always predicting the more frequent class
    confusion: dict[str, dict[str, int]]  # label -> prediction -> number of texts
    auc: float  # area under the ROC curve: how often a positive text gets a higher probability than a negative one
    auc_p_value: float  # chance of so high an AUC if the model only guessed (Mann-Whitney; one-sided)
    loss: float  # mean binary cross-entropy in nats
    base_rate_loss: float  # of always predicting the share of positive texts
    brier: float  # mean squared error of the probability
    calibration_error: float  # expected calibration error over 15 bins
    chance_calibration_error: float  # its mean for a calibrated model on as many texts; chance alone causes it
    max_chance_calibration_error: float  # what such a model exceeds in 5% of the cases
    certain_share: float  # share of predictions that the bundle's rule calls certain
    certain_accuracy: float | None  # None if there are none
    certain_interval: Sequence[float] | None  # the ends of its interval
    unknown_share: float  # share of the words of all texts that the bundle does not know
    reliability: Sequence[dict[str, float]]  # see `_with_interval`
    mistakes: Sequence[Mistake]  # the most confident ones, worst first
    uncalibrated: dict[str, float] | None  # what `measure` returns without the calibration; None if there is none
    calibrated_on_them: bool  # whether the bundle was calibrated with the same file

    @property
    def summary(self) -> list[str]:
        """The result in three sentences."""
        right, majority = whole_percent(self.accuracy), whole_percent(self.majority_accuracy)
        low, high = map(whole_percent, self.accuracy_interval)
        if self.certain_accuracy is None or self.certain_interval is None:
            certain = "Calls no prediction certain."
        else:
            least, most = map(whole_percent, self.certain_interval)
            certain = (
                f"Calls {whole_percent(self.certain_share)}% of its predictions certain; of those, "
                f"{whole_percent(self.certain_accuracy)} of 100 are right, between {least} and {most}."
            )
        off = f"Its probabilities are off by {self.calibration_error * 100:.1f} percentage points on average"
        by_chance = f"of which chance explains at most {self.max_chance_calibration_error * 100:.1f}"
        if self.calibration_error <= self.max_chance_calibration_error:
            by_chance = "no more than chance explains"
        elif self.auc_p_value < SIGNIFICANT:
            by_chance += "; calibrate them"
        return [
            f"Right on {right} of 100 texts like these, between {low} and {high}; always predicting the more frequent "
            f"class would be right on {majority}.",
            certain,
            f"{off}, {by_chance}.",
        ]

    def recall(self, label: str) -> float:
        """Share of the texts with this label that are predicted to have it."""
        return self.confusion[label][label] / sum(self.confusion[label].values())

    def precision(self, label: str) -> float | None:
        """Share of the texts that are predicted to have this label that do; None if none are."""
        predicted = sum(row[label] for row in self.confusion.values())
        return self.confusion[label][label] / predicted if predicted else None

    @property
    def warnings(self) -> list[str]:
        """What a user should know before trusting the model, or the figures; the gravest first."""
        found = []
        if 1 - self.auc_p_value < SIGNIFICANT:
            found.append(
                "The labels look swapped: negative texts get higher probabilities than positive ones, with an AUC of "
                f"{self.auc:.3f}. Check which label means positive."
            )
        elif self.auc_p_value >= SIGNIFICANT:
            found.append(
                f"The model is useless on these texts, as far as they can tell: an AUC of {self.auc:.3f} may be "
                f"chance (p = {self.auc_p_value:.2f})."
            )
        elif self.accuracy_interval[0] <= self.majority_accuracy:
            found.append(
                "The accuracy is not measurably higher than that of always predicting the more frequent class, "
                f"{self.majority_accuracy:.3f}."
            )
        if self.loss >= self.base_rate_loss:
            found.append("The probabilities are worse than always predicting the share of positive texts.")
        if self.calibrated_on_them:
            found.append("The bundle was calibrated with these texts, so the figures are slightly too optimistic.")
        return found


def whole_percent(share: float) -> int:
    """A share in percent; 0 and 100 mean none and all."""
    return round(share * 100) if share in (0, 1) else min(max(round(share * 100), 1), 99)


def score(classifier: Classifier, labelled: LabelledTexts) -> HeldOut:
    """Score labelled texts."""
    predictions = classifier.predict(labelled.texts)
    probabilities = np.array([prediction.positive_probability for prediction in predictions], np.float32)
    return HeldOut.of(probabilities, labelled.labels, predictions)


def assess(held_out: HeldOut, manifest: Manifest, labelled: LabelledTexts) -> Assessment:
    """Measure a bundle's predictions, which `score` returned, for texts of both classes."""
    p, labels, texts = held_out.probabilities, held_out.labels, len(held_out.labels)
    measured: dict[str, Any] = {"certain_accuracy": None} | evaluate(held_out, manifest.uncertainty)
    hits = held_out.right[certain_under(manifest.uncertainty, held_out)]  # (certain texts,)
    confused = confusion_matrix(labels == 1, p >= 0.5, labels=[True, False]).tolist()  # (label, prediction)
    positive = float(np.mean(labels == 1))
    bins = reliability(p, labels)
    chance, max_chance = _calibration_errors_by_chance(bins, texts)
    calibration = manifest.calibration
    return Assessment(
        **measured,
        positive_reviews=int(labels.sum()),
        majority_accuracy=max(positive, 1 - positive),
        confusion={label: dict(zip(CLASSES, row, strict=True)) for label, row in zip(CLASSES, confused, strict=True)},
        auc_p_value=auc_p_value(held_out),
        base_rate_loss=float(entr(positive) + entr(1 - positive)),
        chance_calibration_error=chance,
        max_chance_calibration_error=max_chance,
        certain_interval=interval_of(int(hits.sum()), len(hits)) if len(hits) else None,
        unknown_share=1 - float(held_out.known_words.sum() / held_out.words.sum()),
        reliability=[_with_interval(bin_, texts) for bin_ in bins],
        mistakes=[
            Mistake(labelled.places[i], "positive" if labels[i] else "negative", float(p[i]), labelled.texts[i])
            for i in held_out.worst_mistakes(MAX_MISTAKES)
        ],
        uncalibrated=None if calibration is None else _uncalibrated(held_out, calibration),
        calibrated_on_them=calibration is not None and calibration.sha256 == labelled.sha256,
    )


def _with_interval(bin_: dict[str, float], texts: int) -> dict[str, float]:
    """Add the number of texts to a bin of `reliability`, and the ends of the interval of its share of positive ones."""
    count = round(bin_["share"] * texts)
    low, high = interval_of(round(bin_["positive"] * count), count)
    return {"texts": count, **bin_, "low": low, "high": high}


def _calibration_errors_by_chance(bins: Sequence[dict[str, float]], texts: int) -> tuple[float, float]:
    """The calibration error if labels are drawn with the predicted probabilities: the mean, and the 95th percentile."""
    share, probability = (np.array([bin_[name] for bin_ in bins]) for name in ("share", "probability"))  # (bins,)
    counts = np.rint(share * texts).astype(int)  # (bins,)
    positive = np.random.default_rng(0).binomial(counts, probability, (DRAWS, len(bins)))
    errors = np.abs(positive / texts - share * probability).sum(1)  # (DRAWS,)
    return float(errors.mean()), float(np.quantile(errors, 0.95))


def _uncalibrated(held_out: HeldOut, calibration: Calibration) -> dict[str, float]:
    """Metrics of the probabilities before calibration, which are computed backwards from those after it."""
    scale, shift = 1 / calibration.scale, -calibration.shift / calibration.scale
    before = [calibrated(probability, scale, shift) for probability in held_out.probabilities.tolist()]
    return measure(np.array(before, np.float32), held_out.labels)
