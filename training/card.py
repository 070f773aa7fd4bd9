"""MODEL_CARD.md: a bundle's report for people, rendered from its evaluation and what its manifest says."""

from collections.abc import Iterable
from typing import Any

from training.dataset import OWN
from training.evaluation import CALIBRATION_BINS

IMDB_ORIGIN = (
    "The Large Movie Review Dataset (Maas et al., ACL 2011): English reviews of films, from IMDB, up to 2011;",
    "at most 30 of one film; only clear ones, of at most 4 or at least 7 stars out of 10. Lukewarm reviews,",
    "other subjects, other languages and newer slang are outside what was measured. A review is read as a set",
    "of terms: irony and long-range negation are lost.",
)

OWN_CONSTANT = ("`without reading` gives every review the training's share of positive ones.",)
OWN_BEHAVIOUR = ("These texts are English and about films; of other languages and subjects they say little.", "")


def model_card(facts: dict[str, Any], report: dict[str, Any], previous: dict[str, Any] | None) -> str:
    """Render the card.

    Args:
        facts: The attributes of the bundle's manifest, less `files`.
        report: What report/evaluation.json holds.
        previous: The manifest metrics of the bundle before, with its `version`, or None.
    """
    test, recipe, encoding, dataset = report["test"], facts["recipe"], facts["encoding"], facts["dataset"]
    own = dataset["source"] == OWN
    low, high = test["accuracy_interval"]
    first = {"without reading": report["constant"]} if own else {"the book": report["book"]}
    others = first | ({f"version {previous['version']}": previous} if previous else {})
    figures = [
        _row(
            name,
            f"{test[name]:.4f}",
            *(f"{other[name]:.4f}" if name in other else "" for other in others.values()),
        )
        for name in ("accuracy", "loss", "auc", "brier", "calibration_error")
    ]
    kinds = report["behaviour"]["kinds"]
    return "\n".join(
        [
            f"# {facts['name']}, version {facts['version']}",
            "",
            f"Estimates how likely a {'' if own else 'movie '}review is to be positive.",
            f"Recipe `{recipe['name']}`, made {facts['created']}.",
            "Rendered from `evaluation.json` and the manifest when the bundle was made; do not edit.",
            "",
            f"## On {test['reviews']:,} test reviews",
            "",
            _row("", "this bundle", *others),
            _row("---", "---", *("---" for _ in others)),
            *figures,
            "",
            f"95 % of bootstrap samples have an accuracy between {low:.4f} and {high:.4f}. Loss is the mean binary"
            if not own
            else f"The accuracy's 95 % interval (Wilson) is {low:.4f} to {high:.4f}. Loss is the mean binary",
            f"cross-entropy in nats; calibration error is the expected one over {CALIBRATION_BINS} bins.",
            *(OWN_CONSTANT if own else ()),
            "",
            "| | said positive | said negative |",
            "| --- | --- | --- |",
            _row("positive", test["confusion"]["true_positive"], test["confusion"]["false_negative"]),
            _row("negative", test["confusion"]["false_positive"], test["confusion"]["true_negative"]),
            "",
            "![reliability](reliability.png)",
            "",
            "| words from | reviews | accuracy |",
            "| --- | --- | --- |",
            *_groups(test["by_words"]),
            "",
            "| share of unknown words from | reviews | accuracy |",
            "| --- | --- | --- |",
            *_groups(test["by_unknown_share"]),
            "",
            "## How it was trained",
            "",
            f"{dataset['training_reviews']:,} labelled reviews"
            + _unlabelled(dataset)
            + f", {report['validation']['reviews']:,} of the labelled ones for validation (accuracy "
            f"{report['validation']['accuracy']:.4f}), then all of them. Hidden layers of "
            f"{', '.join(map(str, recipe['hidden_units']))} units over {encoding['columns']:,} columns; seed "
            f"{recipe['seed']}. Terms of up to {encoding['longest_term']} word(s).",
            "",
            "![loss](loss.png)",
            "![accuracy](accuracy.png)",
            "",
            "## What it goes by",
            "",
            *(
                f"- Most telling for *{name}*: {', '.join(f'`{term}`' for term in terms)}."
                for name, terms in report["telling_terms"].items()
            ),
            "",
            "## Behaviour on made-up texts",
            "",
            *(OWN_BEHAVIOUR if own else ()),
            "| kind | checks | passed |",
            "| --- | --- | --- |",
            *(_row(kind, result["checks"], result["passed"]) for kind, result in kinds.items()),
            "",
            *(
                f"- Fails ({failure['kind']}): {' / '.join(map(repr, failure['texts']))} → "
                f"{', '.join(f'{p:.3f}' for p in failure['probabilities'])}"
                for failure in report["behaviour"]["failures"]
            ),
            "",
            "## The ten worst mistakes",
            "",
            "| test review | said |",
            "| --- | --- |",
            *(_row(f"`{item['review']}`", f"{item['positive_probability']:.4f}") for item in test["worst_mistakes"]),
            "",
            "## Origin and limits",
            "",
            *(_own_origin(dataset) if own else IMDB_ORIGIN),
            "",
        ]
    )


def _unlabelled(dataset: dict[str, Any]) -> str:
    if "unlabelled_reviews" not in dataset:
        return ""
    if not dataset["unlabelled_reviews"]:
        return " and no unlabelled ones, which this recipe would learn from too"
    return f" and {dataset['unlabelled_reviews']:,} unlabelled ones"


def _own_origin(dataset: dict[str, Any]) -> list[str]:
    """Where a person's own reviews came from, and what was done with them."""
    return [
        "| file | rows | SHA-256 |",
        "| --- | --- | --- |",
        *(_row(f"`{file['name']}`", f"{file['rows']:,}", f"`{file['sha256']}`") for file in dataset["files"]),
        "",
        f"{dataset['positive_training_reviews']:,} of {dataset['training_reviews']:,} training reviews and "
        f"{dataset['positive_test_reviews']:,} of {dataset['test_reviews']:,} test reviews are positive. Split by: "
        f"{dataset['split']}. Rows left out because they could not be used: {dataset['skipped_rows']:,}; rows that "
        f"repeat another one's words: {dataset['duplicate_rows']:,}; texts with both labels: "
        f"{dataset['contradicting_texts']:,}, of which {dataset['undecided_texts']:,} were left out.",
        "",
        "Reviews unlike these, in subject, language or time, are outside what was measured. A review is read as a set",
        "of terms: irony and long-range negation are lost.",
    ]


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _groups(groups: Iterable[dict[str, float]]) -> list[str]:
    return [_row(group["from"], f"{group['reviews']:,}", f"{group['accuracy']:.4f}") for group in groups]
