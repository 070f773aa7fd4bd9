"""How good a bundle is on a file of labelled texts: all that `evaluate` reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import entr

from ..bundles.manifest import Manifest
from ..model.calibration import Calibration, calibrated
from ..model.classifier import Classifier
from ..model.errors import SentimentError
from .labelled import LabelledTexts
from .metrics import SIGNIFICANT, HeldOut, auc_p_value, evaluate, interval_of, measure, reliability

CLASSES = {"positive": 1, "negative": 0}
MAX_MISTAKES = 10
DRAWS = 10_000
"""Sets of labels that are drawn to find out what chance does; enough for three digits."""


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction.

    Attributes:
        place: File and line of the text.
        label: `positive` or `negative`.
        positive_probability: The prediction.
        text: The text.
    """

    place: str
    label: str
    positive_probability: float
    text: str

    @property
    def line(self) -> str:
        """Line of the text in its file."""
        return self.place.rpartition(":")[2]


@dataclass(frozen=True)
class Assessment:
    """How good predictions are on a file of labelled texts. All intervals are 95% intervals (Wilson 1927).

    Attributes:
        reviews: Number of texts.
        positive_reviews: Number of positive ones.
        accuracy: Share of texts on the right side of 0.5.
        accuracy_interval: Its interval.
        majority_accuracy: Accuracy of always predicting the more frequent class.
        confusion: Label -> prediction -> number of texts.
        auc: Area under the ROC curve: how often a positive text gets a higher probability than a negative one.
        auc_p_value: Chance of so high an AUC if the model only guessed (Mann-Whitney; one-sided).
        loss: Mean binary cross-entropy in nats.
        base_rate_loss: Loss of always predicting the share of positive texts.
        brier: Mean squared error of the probability.
        calibration_error: Expected calibration error over 15 bins.
        chance_calibration_error: Mean calibration error of a calibrated model on as many texts; chance alone causes it.
        max_chance_calibration_error: The error that such a model exceeds in 5% of the cases.
        certain_share: Share of predictions that the bundle's rule calls certain.
        certain_accuracy: Their accuracy; None if there are none.
        certain_interval: The interval of their accuracy; None if there are none.
        unknown_share: Share of the words of all texts that the bundle does not know.
        reliability: For each bin of probabilities that occurs: number of `texts` and their `share` of all, mean
            `probability`, the share that is `positive`, and the ends of its interval, `low` and `high`.
        mistakes: The most confident mistakes, worst first.
        uncalibrated: `accuracy`, `loss`, `calibration_error` and so on without the bundle's calibration; None if it has
            none.
        calibrated_on_them: Whether the bundle was calibrated with the same file.
    """

    reviews: int
    positive_reviews: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    majority_accuracy: float
    confusion: dict[str, dict[str, int]]
    auc: float
    auc_p_value: float
    loss: float
    base_rate_loss: float
    brier: float
    calibration_error: float
    chance_calibration_error: float
    max_chance_calibration_error: float
    certain_share: float
    certain_accuracy: float | None
    certain_interval: tuple[float, float] | None
    unknown_share: float
    reliability: Sequence[dict[str, float]]
    mistakes: Sequence[Mistake]
    uncalibrated: dict[str, float] | None
    calibrated_on_them: bool

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


def check_classes(labelled: LabelledTexts, texts: int, of_each: int, why: str) -> None:
    """Check that a file has enough texts of both classes.

    Raises:
        SentimentError: It does not.
    """
    counts = {name: int(np.sum(labelled.labels == label)) for name, label in CLASSES.items()}
    for name, count in counts.items():
        if not count:
            raise SentimentError(
                f"{labelled.path}: no text is {name}; {why} needs at least {texts} texts and {of_each} of each class"
            )
    if len(labelled.texts) < texts or min(counts.values()) < of_each:
        raise SentimentError(
            f"{labelled.path}: {counts['positive']} positive and {counts['negative']} negative texts, but {why} needs "
            f"at least {texts} texts and {of_each} of each class: label more"
        )


def score(classifier: Classifier, labelled: LabelledTexts) -> HeldOut:
    """Score labelled texts."""
    predictions = classifier.predict(labelled.texts)
    return HeldOut(
        np.array([prediction.positive_probability for prediction in predictions], np.float32),
        labelled.labels,
        np.array([prediction.words for prediction in predictions], np.intp),
        np.array([prediction.known_words for prediction in predictions], np.intp),
    )


def assess(held_out: HeldOut, manifest: Manifest, labelled: LabelledTexts) -> Assessment:
    """Measure predictions for labelled texts.

    Args:
        held_out: What `score` returned for them.
        manifest: The bundle's manifest.
        labelled: Texts of both classes.
    """
    p, labels, texts = held_out.probabilities, held_out.labels, len(held_out.labels)
    measured: dict[str, Any] = {"certain_accuracy": None} | evaluate(held_out, manifest.uncertainty)
    low, high = measured.pop("accuracy_interval")
    certain = round(measured["certain_share"] * texts)
    positive = float(np.mean(labels == 1))
    bins = reliability(p, labels)
    chance, max_chance = _calibration_errors_by_chance(bins, texts)
    return Assessment(
        **measured,
        positive_reviews=int(labels.sum()),
        accuracy_interval=(low, high),
        majority_accuracy=max(positive, 1 - positive),
        confusion={
            label: {
                prediction: int(np.sum((labels == actual) & ((p >= 0.5) == predicted)))
                for prediction, predicted in CLASSES.items()
            }
            for label, actual in CLASSES.items()
        },
        auc_p_value=auc_p_value(held_out),
        base_rate_loss=float(entr(positive) + entr(1 - positive)),
        chance_calibration_error=chance,
        max_chance_calibration_error=max_chance,
        certain_interval=interval_of(round(measured["certain_accuracy"] * certain), certain) if certain else None,
        unknown_share=1 - float(held_out.known_words.sum() / held_out.words.sum()),
        reliability=[_with_interval(bin_, texts) for bin_ in bins],
        mistakes=_mistakes(held_out, labelled),
        uncalibrated=None if manifest.calibration is None else _uncalibrated(held_out, manifest.calibration),
        calibrated_on_them=manifest.calibration is not None and manifest.calibration.sha256 == labelled.sha256,
    )


def _with_interval(bin_: dict[str, float], texts: int) -> dict[str, float]:
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


def _mistakes(held_out: HeldOut, labelled: LabelledTexts) -> list[Mistake]:
    p, labels = held_out.probabilities, held_out.labels
    return [
        Mistake(labelled.places[i], "positive" if labels[i] else "negative", float(p[i]), labelled.texts[i])
        for i in held_out.worst_mistakes(MAX_MISTAKES)
    ]
