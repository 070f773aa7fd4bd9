"""A bundle's report for people: MODEL_CARD.md, and the pictures of the book's figures 3.7 and 3.8."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from app.evaluation.figures import new_figure, plot_reliability, save_figure
from app.evaluation.markdown import table
from app.evaluation.metrics import BINS
from app.inference.bundle_writer import write_json
from training.compare import Served
from training.dataset import OWN
from training.network import History

MAX_FAILURES = 5
"""Failed checks per kind that the card lists; evaluation.json has all."""

CARD = Path(__file__).with_name("model_card.md")
"""The template of the model card, in the syntax of `str.format`."""
CERTAIN = (
    "| {name} | {reviews:,} | {accuracy:.4f} | {loss:.4f} | {calibration_error:.4f} | {certain_share:.1%} "
    "| {certain_accuracy:.4f} |"
)

IMDB_ORIGIN = """\
The Large Movie Review Dataset (Maas et al., ACL 2011): English reviews of films, from IMDB, up to 2011; at most 30 of
one film; only clear ones, with at most 4 or at least 7 of 10 stars. Lukewarm reviews, other subjects, other languages
and newer slang were not measured."""

OWN_ORIGIN = """\
| file | rows | SHA-256 |
| --- | --- | --- |
{rows}

{positive_training_reviews:,} of {training_reviews:,} training reviews are positive,
and {positive_test_reviews:,} of {test_reviews:,} test reviews. Split by: {split}.
Rows left out because they could not be used: {skipped_rows:,}.
Rows that repeat another one's words: {duplicate_rows:,}.
Texts with both labels: {contradicting_texts:,}, of which {undecided_texts:,} were left out.

Reviews unlike these, in subject, language or time, were not measured."""


def write_report(
    folder: Path, facts: dict[str, Any], report: dict[str, Any], history: History, served: Served | None
) -> None:
    """Write a new folder with the report of a bundle.

    `facts` are the attributes of the manifest, except `files`; `report` is the content of evaluation.json; `served` is
    the bundle to compare with.
    """
    folder.mkdir()
    write_json(folder / "history.json", history)
    write_json(folder / "evaluation.json", report)
    for metric in ("loss", "accuracy"):
        curves = {f"training {metric}": [history[metric]], f"validation {metric}": [history[f"val_{metric}"]]}
        title = f"Training and validation {metric}; final network: {report['validation']['epochs']} epochs"
        plot_curves(folder / f"{metric}.png", title, metric, curves)
    plot_reliability(report["test"]["calibration"], folder / "reliability.png", "the test reviews")
    card = model_card(facts, report, served)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8", newline="\n")


def model_card(facts: dict[str, Any], report: dict[str, Any], served: Served | None) -> str:
    """Render the model card; see `write_report`."""
    test, dataset, behaviour = report["test"], facts["dataset"], report["behaviour"]
    own = dataset["source"] == OWN
    compared = {"this bundle": test} | (
        {"constant prediction": report["constant"]} if own else {"the book": report["book"]}
    )
    if served is not None:
        compared[served.title] = served.metrics
    metrics = [
        (name, *(f"{each[name]:.4f}" if name in each else "" for each in compared.values()))
        for name in ("accuracy", "loss", "auc", "brier", "calibration_error")
    ]
    failures: dict[str, list[str]] = {}
    for failure in behaviour["failures"]:
        texts, scores = " / ".join(map(repr, failure["texts"])), ", ".join(f"{p:.3f}" for p in failure["probabilities"])
        failures.setdefault(failure["kind"], []).append(f"- Fails ({failure['kind']}): {texts} → {scores}")
    shown = [line for lines in failures.values() for line in lines[:MAX_FAILURES]]
    if failures:
        shown = [f"The first {MAX_FAILURES} failures of each kind; `evaluation.json` has all of them:\n", *shown]
    fewest = facts["uncertainty"]["min_known_words"]
    evaluated = [{"name": "test reviews"} | test, {"name": "short sentences"} | report.get("sentences", {})]
    group = "| {from} | {reviews:,} | {accuracy:.4f} |"
    return CARD.read_text(encoding="utf-8").format(
        **facts,
        **report,
        subject="" if own else "movie ",
        compared=table(("", *compared), *metrics),
        bins=BINS,
        too_few_words="no word is known" if fewest <= 1 else f"fewer than {fewest} words are known",
        without_reading=own * "\nThe constant prediction is the share of positive reviews in the training set.",
        by_words=_lines(group, test["by_words"]),
        by_unknown_share=_lines(group, test["by_unknown_share"]),
        certain=_lines(CERTAIN, ({"certain_accuracy": math.nan} | each for each in evaluated if "reviews" in each)),
        unlabelled=f" and {dataset['unlabelled_reviews']:,} unlabelled ones" if "unlabelled_reviews" in dataset else "",
        constants="\n".join(f"| {name} | `{value}` |" for name, value in facts["recipe"].items()),
        strongest="\n".join(f"- *{name}*: `{'`, `'.join(terms)}`." for name, terms in report["top_terms"].items()),
        checks="\n".join(f"| {kind} | {n['checks']} | {n['passed']} |" for kind, n in behaviour["kinds"].items()),
        failures="\n".join(shown),
        mistakes=_lines("| `{review}` | {positive_probability:.4f} |", test["worst_mistakes"]) or "| none | |",
        origin=OWN_ORIGIN.format(rows=_lines("| `{name}` | {rows:,} | `{sha256}` |", dataset["files"]), **dataset)
        if own
        else IMDB_ORIGIN,
    )


def _lines(pattern: str, items: Iterable[dict[str, Any]]) -> str:
    return "\n".join(pattern.format(**item) for item in items)


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
