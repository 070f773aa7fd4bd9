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

from ..bundles.opening import open_classifier
from ..bundles.reading import Bundle, find_bundle, load_bundle
from ..evaluation.labelled import LabelledTexts, read_labelled
from ..model.packages import require_modules
from . import options as opt
from .messages import one_line
from .tables import MAX_SHOWN, NEGATIVE, POSITIVE, named, new_table

if TYPE_CHECKING:
    from ..evaluation.assessment import Assessment

WIDTH = 40
"""Characters of the reliability curve."""


def run(
    file: opt.LabelledFile,
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a report with plots to this new HTML file.")
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
        python -m app evaluate my.csv --report report.html --model-version 1

    Needs scikit-learn and SciPy, and says how to install them.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    require_modules("evaluation", "scipy", "sklearn", *(["jinja2"] if report else []))
    from ..evaluation.assessment import assess, score

    if report is not None and report.suffix not in (".html", ".htm"):
        raise typer.BadParameter(f"{report}: --report writes an HTML page; choose a name that ends with .html")
    if report is not None and report.exists():
        raise typer.BadParameter(f"{report} exists; choose another file for --report")
    labelled = read_labelled(file, text_column, label_column, skip_bad_rows)
    labelled.check_classes(20, 5, "an evaluation")
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    manifest = bundle.manifest
    found = assess(score(open_classifier(bundle, settings.command_runtime), labelled), manifest, labelled)
    if report is not None:
        from ..evaluation.report import write_report

        write_report(report, bundle, labelled, found)
    if as_json:
        facts = {
            "model": {
                "name": manifest.name,
                "version": manifest.version,
                "digest": bundle.digest,
                "folder": str(bundle.folder),
            },
            "file": {"name": labelled.path.name, "sha256": labelled.sha256, "skipped_rows": labelled.skipped},
            "summary": found.summary,
            **asdict(found),
            "warnings": found.warnings,
        }
        typer.echo(json.dumps(facts))
        return
    console = Console(highlight=False)
    for part in _parts(bundle, labelled, found):
        console.print(part, "", sep="\n")
    if report is not None:
        typer.echo(f"report: {report}")


def _parts(bundle: Bundle, labelled: LabelledTexts, found: "Assessment") -> Iterator[RenderableType]:
    """The parts of the result on a terminal."""
    name = one_line(f"{named(bundle)} on {labelled.path.name}")
    skipped = f"; {labelled.skipped:,} rows were left out" if labelled.skipped else ""
    yield Text(f"{name}: {found.reviews:,} texts, {found.positive_reviews:,} of them positive{skipped}", "bold")
    yield Text("\n".join(found.summary))
    yield _metrics(found)
    yield _reliability(found)
    yield _confusion(found)
    if found.mistakes:
        yield _mistakes(found)
    for warning in found.warnings:
        yield Text.assemble(("warning: ", "bold"), warning)


def _metrics(found: "Assessment") -> RenderableType:
    low, high = found.accuracy_interval
    certain = found.certain_accuracy
    mean, most = found.chance_calibration_error, found.max_chance_calibration_error
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in (
        ("accuracy", f"{found.accuracy:.3f}", f"95% interval {low:.3f} to {high:.3f}"),
        ("", f"{found.majority_accuracy:.3f}", "for comparison: always the more frequent class"),
        ("AUC", f"{found.auc:.3f}", "guessing: 0.5"),
        ("log loss", f"{found.loss:.3f}", ""),
        ("", f"{found.base_rate_loss:.3f}", "for comparison: always the share of positive texts"),
        ("calibration error", f"{found.calibration_error:.3f}", ""),
        ("", f"{mean:.3f}", f"for comparison: a calibrated model, by chance; 95% of the time below {most:.3f}"),
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
        "predicted",
        "positive",
        Column("texts", justify="right"),
        "│ predicted, ● positive, ─ 95% interval",
    )
    for bin_ in found.reliability:
        line = [" "] * (WIDTH + 1)
        low, high = (round(bin_[end] * WIDTH) for end in ("low", "high"))
        line[low : high + 1] = "─" * (high + 1 - low)
        line[round(bin_["probability"] * WIDTH)] = "│"
        line[round(bin_["positive"] * WIDTH)] = "●"
        table.add_row(f"{bin_['probability']:.3f}", f"{bin_['positive']:.3f}", f"{bin_['texts']:,}", "".join(line))
    return table


def _confusion(found: "Assessment") -> RenderableType:
    labels = {"positive": POSITIVE, "negative": NEGATIVE}
    columns = [Column(f"predicted {label}", justify="right", style=colour) for label, colour in labels.items()]
    table = new_table("label", *columns, Column("recall", justify="right"))
    for label in labels:
        table.add_row(label, *(f"{found.confusion[label][other]:,}" for other in labels), f"{found.recall(label):.1%}")
    precisions = map(found.precision, labels)
    table.add_row("precision", *("–" if precision is None else f"{precision:.1%}" for precision in precisions), "")
    return table


def _mistakes(found: "Assessment") -> RenderableType:
    fixed = [Column(title, no_wrap=True) for title in ("positive", "label", "line")]
    table = new_table(*fixed, "most confident mistakes")  # the last column alone gives way on a narrow terminal
    for mistake in found.mistakes:
        text = Text(one_line(mistake.text[:MAX_SHOWN]), no_wrap=True, overflow="ellipsis")
        table.add_row(f"{mistake.positive_probability:.3f}", mistake.label, mistake.line, text)
    return table
