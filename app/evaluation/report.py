"""The report of an evaluation as a folder: Markdown with plots, and the figures as JSON."""

from dataclasses import asdict
from pathlib import Path

from app.bundles.reading import Bundle
from app.bundles.staging import staged
from app.bundles.writing import write_json
from app.evaluation.assessment import Assessment
from app.evaluation.figures import new_figure, plot_reliability, save_figure
from app.evaluation.markdown import code, table
from app.evaluation.metrics import BINS
from app.evaluation.thresholds import Threshold
from app.model.errors import SentimentError

QUALITIES = ("precision", "recall", "F1")
MAX_TEXT = 300
"""Characters of a text that the report quotes."""

DOCUMENT = """\
# {bundle.manifest.name} {bundle.manifest.version} on {name}

Written by `review-sentiment evaluate`. The file has {found.reviews:,} labelled texts, of which
{found.positive_reviews:,} are positive.
{warnings}
{metrics}

## Reliability

Of the texts with a predicted probability of 0.8, about 80% should be positive. The calibration error is the mean
difference between the two, over {bins} bins.

![reliability](reliability.png)

## Thresholds

The service calls a text positive from a probability of 0.5 on. The most accurate threshold for these texts is
{best.threshold:.2f}. If it is chosen on four fifths of them and measured on the others, its accuracy is
{best.held_out_accuracy:.4f}; that of 0.5 is {found.accuracy:.4f} (p = {best.p_value:.2g}).

{thresholds}

![accuracy by threshold](thresholds.png)

## The most confident mistakes

Often the label is wrong.

{mistakes}
"""


def write_report(folder: Path, bundle: Bundle, name: str, found: Assessment) -> None:
    """Write the report of a file, complete or not at all.

    Args:
        folder: A folder that does not exist.
        bundle: The bundle that was evaluated.
        name: Name of the file.
        found: The result.

    Raises:
        SentimentError: The folder exists, or writing failed.
    """
    try:
        with staged(folder) as staging:
            write_json(staging / "evaluation.json", {"file": name, "digest": bundle.digest, **asdict(found)})
            plot_reliability(found.reliability, staging / "reliability.png", "these texts")
            _plot_thresholds(found, staging / "thresholds.png")
            (staging / "report.md").write_text(_document(bundle, name, found), encoding="utf-8", newline="\n")
    except FileExistsError as error:
        raise SentimentError(f"{folder}: exists; choose another folder for --report") from error
    except OSError as error:
        raise SentimentError(f"{folder}: the report cannot be written ({error}). Nothing was left behind") from error


def _document(bundle: Bundle, name: str, found: Assessment) -> str:
    best = found.best_threshold
    low, high = found.accuracy_interval
    certain = "–" if found.certain_accuracy is None else f"{found.certain_accuracy:.4f}"
    head = ("threshold", "accuracy", *(f"{kind}: {m}" for kind in ("positive", "negative") for m in QUALITIES))
    return DOCUMENT.format(
        bundle=bundle,
        name=code(name),
        found=found,
        best=best,
        bins=BINS,
        warnings="".join(f"\n**{warning}**\n" for warning in found.warnings),
        metrics=table(
            ("", "this file", "to compare with"),
            ("accuracy", f"{found.accuracy:.4f}", f"{found.majority_accuracy:.4f}: always the more frequent class"),
            ("95% interval of the accuracy", f"{low:.4f} to {high:.4f}", ""),
            ("AUC", f"{found.auc:.4f}", "0.5: guessing"),
            ("log loss", f"{found.loss:.4f}", f"{found.base_rate_loss:.4f}: always the share of positive texts"),
            ("Brier score", f"{found.brier:.4f}", ""),
            ("calibration error", f"{found.calibration_error:.4f}", "0: calibrated"),
            ("certain predictions", f"{found.certain_share:.1%}", ""),
            ("accuracy of certain predictions", certain, ""),
            ("unknown words", f"{found.unknown_share:.1%}", ""),
        ),
        thresholds=table(head, *map(_row, found.thresholds)),
        mistakes="\n".join(
            f"1. {code(mistake.place)}, {mistake.label}, predicted {mistake.positive_probability:.4f}: "
            f"{code(mistake.text[:MAX_TEXT])}"
            for mistake in found.mistakes
        )
        or "There are none.",
    )


def _row(threshold: Threshold) -> tuple[str, ...]:
    cells = (*threshold.positive.cells, *threshold.negative.cells)
    return (f"{threshold.threshold:.2f}", f"{threshold.accuracy:.3f}", *cells)


def _plot_thresholds(found: Assessment, path: Path) -> None:
    figure, axes = new_figure(title="Accuracy by threshold", xlabel="threshold", ylabel="accuracy")
    at = [threshold.threshold for threshold in found.thresholds]
    axes.plot(at, [threshold.accuracy for threshold in found.thresholds], "o-", color="tab:blue")
    axes.axhline(found.majority_accuracy, color="0.6", linewidth=1, linestyle=":", label="always the same class")
    axes.axvline(found.best_threshold.threshold, color="tab:orange", linewidth=1, label="the most accurate")
    axes.legend()
    save_figure(figure, path)
