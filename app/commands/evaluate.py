"""The `evaluate` command: how good a bundle is on a file of labelled texts."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

from app.bundles.opening import open_classifier
from app.bundles.reading import Bundle, find_bundle, load_bundle
from app.commands import options as opt
from app.commands.messages import one_line
from app.commands.tables import MAX_SHOWN, NEGATIVE, POSITIVE, new_table
from app.evaluation.labelled import LabelledTexts, read_labelled
from app.model.packages import require_modules

if TYPE_CHECKING:
    from app.evaluation.assessment import Assessment

MIN_TEXTS = 20
WIDTH = 40
"""Characters of the reliability curve."""


def run(
    file: opt.LabelledFile,
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a report with plots to this new folder.")
    ] = None,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Measure how good the model is on your own labelled texts.

    For example:

        python -m app evaluate my.csv
        python -m app evaluate my.jsonl --text-column body --label-column verdict --skip-bad-rows
        python -m app evaluate my.csv --report evaluation --version 1

    Needs scikit-learn and SciPy, and says how to install them.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    require_modules("evaluation", "scipy", "sklearn", *(["matplotlib"] if report else []))
    from app.evaluation.assessment import assess, check_classes, score
    from app.evaluation.thresholds import FOLDS

    labelled = read_labelled(file, text_column, label_column, skip_bad_rows)
    if report is not None and report.exists():
        raise typer.BadParameter(f"{report} exists; choose another folder for --report")
    check_classes(labelled, MIN_TEXTS, FOLDS, "an evaluation")
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    manifest = bundle.manifest
    found = assess(score(open_classifier(bundle, settings.command_runtime), labelled), manifest, labelled)
    if report is not None:
        from app.evaluation.report import write_report

        write_report(report, bundle, one_line(labelled.path.name), found)
    if as_json:
        facts = {
            "model": {"name": manifest.name, "version": manifest.version, "digest": bundle.digest},
            "file": {"name": labelled.path.name, "sha256": labelled.sha256, "skipped_rows": labelled.skipped},
            **asdict(found),
            "warnings": found.warnings,
        }
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for part in _parts(bundle, labelled, found):
        console.print(part, "", sep="\n")
    if report is not None:
        typer.echo(f"report: {report / 'report.md'}")


def _parts(bundle: Bundle, labelled: LabelledTexts, found: "Assessment") -> Iterator[RenderableType]:
    """The parts of the result on a terminal."""
    name = one_line(f"{bundle.manifest.name} {bundle.manifest.version} on {labelled.path.name}")
    skipped = f"; {labelled.skipped:,} rows were left out" if labelled.skipped else ""
    yield Text(f"{name}: {found.reviews:,} texts, {found.positive_reviews:,} of them positive{skipped}", "bold")
    yield _metrics(found)
    yield _reliability(found)
    yield _thresholds(found)
    best = found.best_threshold
    yield Text(
        f"Most accurate threshold: {best.threshold:.2f}. If it is chosen on four fifths of the texts and measured on "
        f"the others, its accuracy is {best.held_out_accuracy:.3f}; that of 0.5 is {found.accuracy:.3f}."
    )
    if found.mistakes:
        yield _mistakes(found)
    for warning in found.warnings:
        yield Text.assemble(("warning: ", "bold"), warning)


def _metrics(found: "Assessment") -> RenderableType:
    low, high = found.accuracy_interval
    certain = found.certain_accuracy
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in (
        ("accuracy", f"{found.accuracy:.3f}", f"95% interval {low:.3f} to {high:.3f}"),
        ("", f"{found.majority_accuracy:.3f}", "for comparison: always the more frequent class"),
        ("AUC", f"{found.auc:.3f}", "guessing: 0.5"),
        ("log loss", f"{found.loss:.3f}", ""),
        ("", f"{found.base_rate_loss:.3f}", "for comparison: always the share of positive texts"),
        ("calibration error", f"{found.calibration_error:.3f}", ""),
        (
            "certain",
            f"{found.certain_share:.1%}",
            "" if certain is None else f"of the predictions, of which {certain:.1%} are right",
        ),
        ("unknown words", f"{found.unknown_share:.1%}", ""),
    ):
        table.add_row(*row)
    return table


def _reliability(found: "Assessment") -> RenderableType:
    """A reliability curve, sideways: where the probabilities are calibrated, the dot is on the line."""
    table = new_table(
        "predicted", "positive", Column("texts", justify="right"), "│ predicted, ● share that is positive"
    )
    for bin_ in found.reliability:
        line = [" "] * (WIDTH + 1)
        line[round(bin_["probability"] * WIDTH)] = "│"
        line[round(bin_["positive"] * WIDTH)] = "●"
        texts = round(bin_["share"] * found.reviews)
        table.add_row(f"{bin_['probability']:.3f}", f"{bin_['positive']:.3f}", f"{texts:,}", "".join(line))
    return table


def _thresholds(found: "Assessment") -> RenderableType:
    qualities = [
        Column(title, style=colour)
        for name, colour in (("positive", POSITIVE), ("negative", NEGATIVE))
        for title in (f"{name}:\nprecision", "\nrecall", "\nF1")
    ]
    table = new_table("\nthreshold", "\naccuracy", *qualities)
    for each in found.thresholds:
        best = each.threshold == found.best_threshold.threshold
        cells = (*each.positive.cells, *each.negative.cells)
        table.add_row(f"{each.threshold:.2f}", f"{each.accuracy:.3f}", *cells, style="bold" if best else "")
    return table


def _mistakes(found: "Assessment") -> RenderableType:
    table = new_table(
        "positive", "label", "place", Column("most confident mistakes", no_wrap=True, overflow="ellipsis")
    )
    for mistake in found.mistakes:
        place, text = Text(one_line(mistake.place)), Text(one_line(mistake.text[:MAX_SHOWN]))
        table.add_row(f"{mistake.positive_probability:.3f}", mistake.label, place, text)
    return table
