"""A bundle's report for people: MODEL_CARD.md, and the pictures of the book's figures 3.7 and 3.8."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from app.inference.bundle import write_json
from training.dataset import OWN
from training.evaluation import BINS
from training.network import History

MAX_FAILURES = 5
"""Failed checks per kind that the card lists; evaluation.json has all."""

IMDB_ORIGIN = (
    "The Large Movie Review Dataset (Maas et al., ACL 2011): English reviews of films, from IMDB, up to 2011; at most "
    "30 of one film; only clear ones, with at most 4 or at least 7 of 10 stars. Lukewarm reviews, other subjects, "
    "other languages and newer slang were not measured."
)
LIMITS = "The network sees a review as a set of terms, so irony and negation across many words are lost."


def write_report(folder: Path, facts: dict[str, Any], report: dict[str, Any], history: History, previous: Any) -> None:
    """Write the report of a bundle.

    Args:
        folder: The new folder of the report.
        facts: The attributes of the manifest, except `files`.
        report: The content of evaluation.json.
        history: Of the run with validation.
        previous: The metrics of the bundle before, with its `version`, or None.
    """
    folder.mkdir()
    write_json(folder / "history.json", history)
    write_json(folder / "evaluation.json", report)
    for metric in ("loss", "accuracy"):
        _plot_history(history, metric, report["validation"]["epochs"], folder / f"{metric}.png")
    _plot_reliability(report["test"]["calibration"], folder / "reliability.png")
    card = model_card(facts, report, previous)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8", newline="\n")


def model_card(facts: dict[str, Any], report: dict[str, Any], previous: dict[str, Any] | None) -> str:
    """Render the model card; see `write_report`."""
    test, recipe, dataset, validation = report["test"], facts["recipe"], facts["dataset"], report["validation"]
    own = dataset["source"] == OWN
    others = {"without reading": report["constant"]} if own else {"the book": report["book"]}
    if previous:
        others[f"version {previous['version']}"] = previous
    low, high = test["accuracy_interval"]
    rule = facts["uncertainty"]
    confusion = test["confusion"]
    failures: dict[str, list[str]] = {}
    for failure in report["behaviour"]["failures"]:
        scores = ", ".join(f"{p:.3f}" for p in failure["probabilities"])
        failures.setdefault(failure["kind"], []).append(f"{' / '.join(map(repr, failure['texts']))} → {scores}")
    parts = [
        f"# {facts['name']}, version {facts['version']}",
        f"Estimates how likely a {'' if own else 'movie '}review is to be positive. Recipe `{recipe['name']}`, trained "
        f"{facts['created']}. Rendered from `evaluation.json` and the manifest; do not edit.",
        f"## On {test['reviews']:,} test reviews",
        table(
            ("", "this bundle", *others),
            *(
                (
                    name,
                    f"{test[name]:.4f}",
                    *(f"{other[name]:.4f}" if name in other else "" for other in others.values()),
                )
                for name in ("accuracy", "loss", "auc", "brier", "calibration_error")
            ),
        ),
        f"The 95 % interval of the accuracy (Wilson) is {low:.4f} to {high:.4f}. Loss is the mean binary cross-entropy "
        f"in nats; calibration error is the expected one over {BINS} bins."
        + own
        * " `without reading` gives every review the training set's share of positive ones.",
        table(
            ("", "predicted positive", "predicted negative"),
            ("positive", confusion["true_positive"], confusion["false_negative"]),
            ("negative", confusion["false_positive"], confusion["true_negative"]),
        ),
        "![reliability](reliability.png)",
        *(
            table((f"{heading} from", "reviews", "accuracy"), *_groups(test[key]))
            for heading, key in (("words", "by_words"), ("share of unknown words", "by_unknown_share"))
        ),
        "## Uncertain predictions",
        f"A prediction is uncertain if its probability is between {rule['above']:.3f} and {rule['below']:.3f}, if "
        f"fewer than {rule['min_known_words']} of the review's words are known, or less than "
        f"{rule['min_known_share']:.0%} of them. The rule was fitted to cross-validated predictions for the "
        "training set.",
        table(
            ("", "reviews", "accuracy", "loss", "calibration error", "certain", "accuracy of certain ones"),
            *(
                (
                    name,
                    f"{part['reviews']:,}",
                    *(f"{part[metric]:.4f}" for metric in ("accuracy", "loss", "calibration_error")),
                    f"{part['certain_share']:.1%}",
                    f"{part['certain_accuracy']:.4f}" if "certain_accuracy" in part else "",
                )
                for name, part in (("test reviews", test), ("short sentences", report.get("sentences")))
                if part
            ),
        ),
        "## How it was trained",
        f"{dataset['training_reviews']:,} labelled reviews{_unlabelled(dataset)}; a first network with "
        f"{validation['reviews']:,} of the labelled ones held out (accuracy {validation['accuracy']:.4f}, loss "
        f"{validation['loss']:.4f} after {validation['epochs']} epochs), then this one on all of them.",
        table(("constant", "value"), *((name, f"`{value}`") for name, value in recipe.items())),
        "![loss](loss.png)\n![accuracy](accuracy.png)",
        "## Strongest terms",
        "\n".join(
            f"- *{name}*: {', '.join(f'`{term}`' for term in terms)}." for name, terms in report["top_terms"].items()
        ),
        "## Behaviour on made-up texts",
        *(own * ["These texts are English and about films; they say little about other languages and subjects."]),
        table(
            ("kind", "checks", "passed"),
            *((kind, count["checks"], count["passed"]) for kind, count in report["behaviour"]["kinds"].items()),
        ),
        "\n".join(f"- Fails ({kind}): {text}" for kind, texts in failures.items() for text in texts[:MAX_FAILURES]),
        "## The ten worst mistakes",
        table(
            ("test review", "probability"),
            *((f"`{item['review']}`", f"{item['positive_probability']:.4f}") for item in test["worst_mistakes"]),
        ),
        "## Origin and limits",
        *(_own_origin(dataset) if own else [IMDB_ORIGIN]),
        LIMITS,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def table(head: Sequence[object], *rows: Sequence[object]) -> str:
    """Render a Markdown table."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows))


def _groups(groups: list[dict[str, float]]) -> list[Sequence[object]]:
    return [(group["from"], f"{group['reviews']:,}", f"{group['accuracy']:.4f}") for group in groups]


def _unlabelled(dataset: dict[str, Any]) -> str:
    if "unlabelled_reviews" not in dataset:
        return ""
    if not dataset["unlabelled_reviews"]:
        return " and no unlabelled ones, which this recipe would use, too"
    return f" and {dataset['unlabelled_reviews']:,} unlabelled ones"


def _own_origin(dataset: dict[str, Any]) -> list[str]:
    return [
        table(
            ("file", "rows", "SHA-256"),
            *((f"`{file['name']}`", f"{file['rows']:,}", f"`{file['sha256']}`") for file in dataset["files"]),
        ),
        f"{dataset['positive_training_reviews']:,} of {dataset['training_reviews']:,} training reviews and "
        f"{dataset['positive_test_reviews']:,} of {dataset['test_reviews']:,} test reviews are positive. Split by: "
        f"{dataset['split']}. Rows left out because they could not be used: {dataset['skipped_rows']:,}; rows that "
        f"repeat another one's words: {dataset['duplicate_rows']:,}; texts with both labels: "
        f"{dataset['contradicting_texts']:,}, of which {dataset['undecided_texts']:,} were left out.",
        "Reviews unlike these, in subject, language or time, were not measured.",
    ]


def _plot_history(history: History, metric: str, epochs: int, path: Path) -> None:
    figure, axes = new_figure()
    x = range(1, len(history[metric]) + 1)
    axes.plot(x, history[metric], "o", color="tab:blue", label=f"training {metric}")
    axes.plot(x, history[f"val_{metric}"], "-", color="tab:blue", label=f"validation {metric}")
    axes.axvline(epochs, color="0.6", linewidth=1, linestyle=":", label="epochs of the final network")
    axes.set(title=f"Training and validation {metric}", xlabel="epochs", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    save_figure(figure, path)


def _plot_reliability(bins: list[dict[str, float]], path: Path) -> None:
    """Draw the share of positive reviews by probability; on the diagonal, the network is calibrated."""
    probabilities, positive, shares = zip(*((b["probability"], b["positive"], b["share"]) for b in bins), strict=True)
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":")
    axes.plot(probabilities, positive, "o-", color="tab:blue")
    axes.bar(probabilities, shares, width=0.04, color="0.85", label="share of the reviews")
    axes.set(title="Reliability on the test reviews", xlabel="predicted probability", ylabel="share that is positive")
    axes.legend()
    save_figure(figure, path)


def new_figure() -> tuple[Figure, Axes]:
    """Make an empty picture of the size that reports use."""
    figure = Figure(figsize=(6.4, 4.4), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture as a PNG; the same numbers give the same bytes."""
    figure.savefig(path, metadata={"Software": None})
