"""The `calibrate` command: a new bundle whose probabilities are right for a file of labelled texts."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ..bundles.opening import open_classifier
from ..bundles.reading import Bundle, bundle_versions, find_bundle, load_bundle, version_of
from ..evaluation.labelled import LabelledTexts, read_labelled
from ..model.errors import SentimentError
from ..model.packages import require_modules
from . import options as opt
from .messages import one_line, print_error, typed_command
from .tables import named, new_table

if TYPE_CHECKING:
    from ..evaluation.calibration import CalibrationResult

MAX_VERSION = 999_999_999
METRICS = {
    "accuracy": "accuracy",
    "loss": "log loss",
    "calibration_error": "calibration error",
    "certain_share": "share of certain predictions",
    "certain_accuracy": "their accuracy",
}


def run(
    file: opt.LabelledFile,
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="Folder of the new bundle; its name is the version.")
    ],
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    right: Annotated[
        float,
        typer.Option(
            min=0.5, max=0.999, help="Share of the certain predictions that has to be right, in [0.5, 0.999]."
        ),
    ] = 0.95,
    force: Annotated[
        bool, typer.Option("--force", help="Write the bundle even if the texts do not show that it is better.")
    ] = False,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Calibrate the probabilities for your texts. A hundred labels are enough; nothing is retrained.

    For example:

        python -m app calibrate my.csv my-model/1
        python -m app serve --model-dir my-model

    Writes a new bundle with the same network. Its predictions are corrected by two numbers, a scale and a shift of the
    log-odds, and it calls those predictions certain of which 95% are right, with 95% confidence. It contains no text of
    the file.

    Needs scikit-learn and SciPy, and says how to install them.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    require_modules("evaluation", "scipy", "sklearn")
    from ..evaluation.assessment import score
    from ..evaluation.calibrated_bundle import write_calibrated
    from ..evaluation.calibration import adapt

    _check_output(output)
    labelled = read_labelled(file, text_column, label_column, skip_bad_rows)
    labelled.check_classes(50, 10, "a calibration")
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    if bundle.manifest.calibration is not None:
        raise SentimentError(
            f"{bundle.folder}: this bundle is calibrated already; choose the one that it was made from with "
            "--model-version; report/MODEL_CARD.md names it"
        )
    classifier = open_classifier(bundle, settings.command_runtime)
    found = adapt(score(classifier, labelled), bundle.manifest.uncertainty, right)
    write = found.helps or force
    if write:
        write_calibrated(output, bundle, classifier, found, labelled)
    if as_json:
        typer.echo(json.dumps(_facts(found, bundle, output if write else None)))
    else:
        _print(found, labelled, bundle)
        if write:
            _print_next_step(output, bundle)
    if not write:
        print_error(
            "these texts do not show that a calibration helps: the original may be as good, so nothing was written. "
            "Add labels, or write it nevertheless with --force"
        )
        raise typer.Exit(1)


def _check_output(output: Path) -> None:
    """Check that the folder is new, and its name a version above all others there, before anything else is done."""
    version = version_of(output)
    folder = output.parent if version is not None or bundle_versions(output.parent) else output
    highest = max(bundle_versions(folder), default=0)
    if version is None or version > MAX_VERSION:
        raise typer.BadParameter(
            f"OUTPUT must end with the number of the new version, such as {folder / str(highest + 1)}"
        )
    free = folder / str(max(highest, version) + 1)
    if output.exists():
        raise typer.BadParameter(f"{output} exists, and bundles are immutable; choose {free}")
    if version < highest:
        raise typer.BadParameter(f"{folder} would be served with version {highest}, which is higher; choose {free}")


def _facts(found: "CalibrationResult", bundle: Bundle, output: Path | None) -> dict[str, Any]:
    return {
        "original": {"name": bundle.manifest.name, "version": bundle.manifest.version, "folder": str(bundle.folder)},
        "bundle": output and str(output),
        "scale": found.fit.scale,
        "shift": found.fit.shift,
        "before": found.before,
        "after": found.after,
        "p_value": found.p_value,
        "above": found.uncertainty.above,
        "below": found.uncertainty.below,
        "promise": found.promise and found.promise.model_dump(),
        "proved": found.proved,
    }


def _print(found: "CalibrationResult", labelled: LabelledTexts, bundle: Bundle) -> None:
    fit = found.fit
    scale = f"scale {fit.scale:.2f} ± {fit.scale_error:.2f}"
    shift = f"shift {fit.shift:+.2f} ± {fit.shift_error:.2f}"
    table = new_table("", "before", "after")
    for name, title in METRICS.items():
        values = (found.before.get(name), found.after.get(name))
        table.add_row(title, *("–" if value is None else f"{value:.3f}" for value in values))
    console = Console(highlight=False, soft_wrap=True)
    title = f"{named(bundle)} on {len(labelled.texts):,} texts of {labelled.path.name}: {scale}, {shift}"
    console.print(Text(one_line(title), "bold"), table, sep="\n")
    console.print('"After" was measured by calibrating each fifth of the texts with the others.')
    if found.promise:
        console.print(found.promise.sentence)
    else:
        console.print(f"All predictions are uncertain: {found.proved}. Choose another share with --right.")
    if found.after["certain_share"] < found.before["certain_share"]:
        console.print(
            "Fewer predictions are certain than before, when nothing was proved about texts like these: more labels "
            "prove more."
        )


def _print_next_step(output: Path, bundle: Bundle) -> None:
    console = Console(highlight=False, soft_wrap=True)
    folder, original = output.parent, bundle.manifest.version
    command = f"{typed_command()} serve --model-dir {shlex.quote(str(folder))}"
    console.print(Text(f"bundle: {output}, which {folder} serves by default: no version there is higher"))
    console.print(Text(f"serve it: {command}"))
    if folder.resolve() == bundle.folder.parent.resolve():
        both = f"{command} --model-version {output.name} --model-version {original}"
        console.print(Text(f"serve version {original}, the original, beside it: {both}"))
