"""A bundle's report: evaluation.json, and for people MODEL_CARD.md and pictures like the book's figures 3.7 and 3.8."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from app.bundles.writing import write_json
from app.evaluation.metrics import BINS, HeldOut, evaluate, measure, reliability
from app.model.vocabulary import Row
from training.behaviour import behaviour
from training.compare import Served
from training.dataset import Dataset, Split
from training.figures import new_figure, plot_reliability, save_figure
from training.network import History, TrainedModel

BOOK = {"loss": 0.293, "accuracy": 0.883}
"""What the book's listing 3.9 prints for the test reviews."""
MAX_FAILURES = 5
"""Failed checks per kind that the card lists; evaluation.json has all."""


def evaluate_model(
    model: TrainedModel, dataset: Dataset, test_rows: Sequence[Row], sentences: Split | None
) -> dict[str, Any]:
    """Measure a model on test reviews, rated sentences and made-up texts; returns the content of evaluation.json."""
    test = HeldOut.of(model.predict_rows(test_rows), dataset.test.labels, test_rows)
    reference: dict[str, dict[str, float]] = {"book": BOOK}
    if dataset.own is not None:
        share = np.full(len(dataset.test), dataset.train.labels.mean(), np.float32)  # of positive training reviews
        constant = measure(share, dataset.test.labels)
        reference = {"constant": {name: constant[name] for name in BOOK}}
    last = model.epochs - 1
    report = {
        "test": evaluate(test, model.uncertainty) | details(test, dataset.test.names),
        **reference,
        "behaviour": behaviour(model.predict),
        "top_terms": model.top_terms(),
        "validation": {
            "reviews": model.validation,
            "epochs": model.epochs,
            "loss": model.history["val_loss"][last],
            "accuracy": model.history["val_accuracy"][last],
        },
    }
    if sentences is not None:
        rows = model.encode(sentences.sequences)
        report["sentences"] = evaluate(HeldOut.of(model.predict_rows(rows), sentences.labels, rows), model.uncertainty)
    return report


def details(held_out: HeldOut, names: Sequence[str]) -> dict[str, Any]:
    """Confusion matrix, calibration, accuracy by group and worst mistakes; never the text of a review."""
    p, labels, hits = held_out.probabilities, held_out.labels, held_out.right  # (reviews,)
    tn, fp, fn, tp = map(int, confusion_matrix(labels == 1, p >= 0.5, labels=[False, True]).ravel())
    unknown = 1 - held_out.known_words / np.maximum(held_out.words, 1)  # (reviews,), the share of unknown words
    return {
        "confusion": {"true_positive": tp, "false_positive": fp, "true_negative": tn, "false_negative": fn},
        "calibration": reliability(p, labels),
        "by_words": _by_group(held_out.words, [0, 50, 100, 200, 400, 800], hits),
        "by_unknown_share": _by_group(unknown, [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5], hits),
        "worst_mistakes": [
            {"review": names[i], "positive_probability": float(p[i])} for i in held_out.worst_mistakes(10)
        ],
    }


def _by_group(values: NDArray[Any], edges: list[float], hits: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Accuracy of the reviews whose value is in [edge, next edge); empty groups are left out."""
    place = np.digitize(values, edges) - 1  # (reviews,)
    return [
        {"from": edges[i], "reviews": int(np.sum(place == i)), "accuracy": float(np.mean(hits[place == i]))}
        for i in np.unique(place)
    ]


def write_report(
    folder: Path, facts: dict[str, Any], report: dict[str, Any], history: History, served: Served | None
) -> None:
    """Write a new folder with the report of a bundle.

    `facts` are the attributes of the manifest, except `files`; `report` is what `evaluate_model` returned.
    """
    folder.mkdir()
    write_json(folder / "history.json", history)
    write_json(folder / "evaluation.json", report)
    for metric in ("loss", "accuracy"):
        curves = {f"training {metric}": [history[metric]], f"validation {metric}": [history[f"val_{metric}"]]}
        title = f"Training and validation {metric}; final network: {report['validation']['epochs']} epochs"
        plot_curves(folder / f"{metric}.png", title, metric, curves)
    plot_reliability(report["test"]["calibration"], folder / "reliability.png", "the test reviews")
    templates = Environment(  # noqa: S701  # Markdown, which the service renders without the HTML in it
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    compared = {"this bundle": report["test"], **reference_of(report)}
    compared |= {served.title: served.metrics} if served else {}
    card = templates.get_template("model_card.md").render(
        **facts, **{"sentences": None, **report}, compared=compared, bins=BINS, max_failures=MAX_FAILURES
    )
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8", newline="\n")


def reference_of(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What a model should beat: name -> metrics."""
    return {"the book": report["book"]} if "book" in report else {"constant prediction": report["constant"]}


def plot_curves(path: Path, title: str, metric: str, curves: dict[str, list[list[float]]]) -> None:
    """Draw a metric by epochs: for each label, the mean of its runs and their range."""
    figure, axes = new_figure(title=title, xlabel="epochs", ylabel=metric)
    for label, runs in curves.items():
        values = np.array(runs)  # (runs, epochs)
        epochs = np.arange(1, values.shape[1] + 1)  # (epochs,)
        (line,) = axes.plot(epochs, values.mean(0), label=label)
        axes.fill_between(epochs, values.min(0), values.max(0), color=line.get_color(), alpha=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(top=min(1.0, axes.get_ylim()[1]))  # the loss of three layers goes far beyond
    axes.legend(fontsize="small")
    save_figure(figure, path)
