"""MODEL_CARD.md: a bundle's report for people, rendered from its evaluation and what its manifest says."""

from collections.abc import Iterable
from typing import Any


def model_card(facts: dict[str, Any], report: dict[str, Any], previous: dict[str, Any] | None) -> str:
    """Render the card.

    Args:
        facts: The attributes of the bundle's manifest, less `files`.
        report: What report/evaluation.json holds.
        previous: The manifest metrics of the bundle before, with its `version`, or None.
    """
    test, recipe, encoding = report["test"], facts["recipe"], facts["encoding"]
    low, high = test["accuracy_interval"]
    others = {"the book": report["book"]} | ({f"version {previous['version']}": previous} if previous else {})
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
            "Estimates how likely a movie review is to be positive.",
            f"Recipe `{recipe['name']}`, made {facts['created']}.",
            "Rendered from `evaluation.json` and the manifest when the bundle was made; do not edit.",
            "",
            f"## On {test['reviews']:,} test reviews",
            "",
            _row("", "this bundle", *others),
            _row("---", "---", *("---" for _ in others)),
            *figures,
            "",
            f"95 % of bootstrap samples have an accuracy between {low:.4f} and {high:.4f}. Loss is the mean binary",
            "cross-entropy in nats; calibration error is the expected one over 15 bins.",
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
            f"{facts['dataset']['training_reviews']:,} labelled reviews"
            + (
                f" and {facts['dataset']['unlabelled_reviews']:,} unlabelled ones"
                if "unlabelled_reviews" in facts["dataset"]
                else ""
            )
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
            "The Large Movie Review Dataset (Maas et al., ACL 2011): English reviews of films, from IMDB, up to 2011;",
            "at most 30 of one film; only clear ones, of at most 4 or at least 7 stars out of 10. Lukewarm reviews,",
            "other subjects, other languages and newer slang are outside what was measured. A review is read as a set",
            "of terms: irony and long-range negation are lost.",
            "",
        ]
    )


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _groups(groups: Iterable[dict[str, float]]) -> list[str]:
    return [_row(group["from"], f"{group['reviews']:,}", f"{group['accuracy']:.4f}") for group in groups]
