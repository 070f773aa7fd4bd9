"""How good a bundle is on a file of labelled texts: all that `evaluate` reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import entr

from app.bundles.manifest import Manifest
from app.evaluation.labelled import LabelledTexts
from app.evaluation.metrics import SIGNIFICANT, HeldOut, auc_p_value, evaluate, reliability
from app.evaluation.thresholds import BestThreshold, Threshold, best_threshold, quality_at
from app.model.classifier import Classifier
from app.model.errors import SentimentError

SHOWN_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MAX_MISTAKES = 10


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


@dataclass(frozen=True)
class Assessment:
    """How good predictions are on a file of labelled texts.

    Attributes:
        reviews: Number of texts.
        positive_reviews: Number of positive ones.
        accuracy: Share of texts on the right side of 0.5.
        accuracy_interval: Its 95% interval (Wilson 1927).
        majority_accuracy: Accuracy of always predicting the more frequent class.
        auc: Area under the ROC curve: how often a positive text gets a higher probability than a negative one.
        auc_p_value: Chance of so high an AUC if the model only guessed (Mann-Whitney; one-sided).
        loss: Mean binary cross-entropy in nats.
        base_rate_loss: Loss of always predicting the share of positive texts.
        brier: Mean squared error of the probability.
        calibration_error: Expected calibration error over 15 bins.
        certain_share: Share of predictions that the bundle's rule calls certain.
        certain_accuracy: Their accuracy; None if there are none.
        unknown_share: Share of the words of all texts that the bundle does not know.
        reliability: For each bin of probabilities that occurs: `share` of the texts, mean `probability`, and the share
            that is `positive`.
        thresholds: What other thresholds than 0.5 would do, in ascending order.
        best_threshold: The most accurate one.
        mistakes: The most confident mistakes, worst first.
        calibrated_on_them: Whether the bundle was calibrated with the same file.
    """

    reviews: int
    positive_reviews: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    majority_accuracy: float
    auc: float
    auc_p_value: float
    loss: float
    base_rate_loss: float
    brier: float
    calibration_error: float
    certain_share: float
    certain_accuracy: float | None
    unknown_share: float
    reliability: Sequence[dict[str, float]]
    thresholds: Sequence[Threshold]
    best_threshold: BestThreshold
    mistakes: Sequence[Mistake]
    calibrated_on_them: bool

    @property
    def warnings(self) -> list[str]:
        """What a user should know before trusting the model, or the figures; the gravest first."""
        found = []
        low, best = self.accuracy_interval[0], self.best_threshold
        if self.auc_p_value >= SIGNIFICANT:
            found.append(
                f"The model is useless on these texts, as far as they can tell: an AUC of {self.auc:.3f} may be "
                f"chance (p = {self.auc_p_value:.2f})."
            )
        elif low <= self.majority_accuracy:
            found.append(
                "The accuracy is not measurably higher than that of always predicting the more frequent class, "
                f"{self.majority_accuracy:.3f}."
            )
        if self.loss >= self.base_rate_loss:
            found.append("The probabilities are worse than always predicting the share of positive texts.")
        if best.threshold != 0.5 and not best.is_better:
            found.append(
                f"These texts are too few to tell the best threshold from 0.5: if it is chosen on other texts, the "
                f"accuracy is {best.held_out_accuracy:.3f} (p = {best.p_value:.2f})."
            )
        if self.calibrated_on_them:
            found.append("The bundle was calibrated with these texts, so the figures are slightly too optimistic.")
        return found


def check_classes(labelled: LabelledTexts, texts: int, of_each: int, why: str) -> None:
    """Check that a file has enough texts of both classes.

    Raises:
        SentimentError: It does not.
    """
    counts = {"positive": int(labelled.labels.sum()), "negative": int(np.sum(labelled.labels == 0))}
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
        labelled: At least `thresholds.FOLDS` texts of each class.
    """
    p, labels = held_out.probabilities, held_out.labels
    measured: dict[str, Any] = {"certain_accuracy": None} | evaluate(held_out, manifest.uncertainty)
    positive, best = float(np.mean(labels == 1)), best_threshold(p, labels)
    low, high = measured.pop("accuracy_interval")
    return Assessment(
        **measured,
        positive_reviews=int(labels.sum()),
        accuracy_interval=(low, high),
        majority_accuracy=max(positive, 1 - positive),
        auc_p_value=auc_p_value(held_out),
        base_rate_loss=float(entr(positive) + entr(1 - positive)),
        unknown_share=1 - float(held_out.known_words.sum() / held_out.words.sum()),
        reliability=reliability(p, labels),
        thresholds=[quality_at(threshold, p, labels) for threshold in sorted({*SHOWN_THRESHOLDS, best.threshold})],
        best_threshold=best,
        mistakes=_mistakes(held_out, labelled),
        calibrated_on_them=manifest.calibration is not None and manifest.calibration.sha256 == labelled.sha256,
    )


def _mistakes(held_out: HeldOut, labelled: LabelledTexts) -> list[Mistake]:
    p, labels = held_out.probabilities, held_out.labels
    return [
        Mistake(labelled.places[i], "positive" if labels[i] else "negative", float(p[i]), labelled.texts[i])
        for i in held_out.worst_mistakes(MAX_MISTAKES)
    ]
