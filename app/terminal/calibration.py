"""The `calibrate` command: a new bundle whose probabilities are right for a file of labelled texts."""

from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from app.evaluation.assessment import check_classes, score
from app.evaluation.calibrated_bundle import copy_beside, write_calibrated
from app.evaluation.calibration import Adaptation, adapt
from app.evaluation.labelled import LabelledTexts
from app.evaluation.metrics import SIGNIFICANT
from app.evaluation.uncertainty import ERROR_RATE
from app.inference.bundle import bundle_versions, find_bundle, load_bundle
from app.inference.calibration import Calibration
from app.inference.classifier import open_classifier
from app.inference.errors import SentimentError
from app.settings import Settings
from app.terminal.printable import one_line
from app.terminal.tables import new_table
from app.terminal.typed import typed_command

MIN_TEXTS, MIN_OF_EACH = 50, 10
METRICS = {
    "accuracy": "accuracy",
    "loss": "log loss",
    "calibration_error": "calibration error",
    "certain_share": "share of certain predictions",
    "certain_accuracy": "their accuracy",
}


def check_output(output: Path) -> None:
    """Check that a bundle can be written to a folder, before anything else is done.

    Raises:
        typer.BadParameter: The folder exists, or its name is not a version.
    """
    version = output.name
    if not (version.isascii() and version.isdigit() and str(int(version)) == version):
        folder = output.parent if bundle_versions(output.parent) else output
        free = max(bundle_versions(folder), default=0) + 1
        raise typer.BadParameter(f"OUTPUT must end with the number of the new version, such as {folder / str(free)}")
    if output.exists():
        free = max(bundle_versions(output.parent), default=0) + 1
        raise typer.BadParameter(f"{output} exists, and bundles are immutable; choose {output.parent / str(free)}")


def print_calibration(settings: Settings, labelled: LabelledTexts, output: Path) -> None:
    """Calibrate the default bundle with labelled texts, write the new bundle, and print what it gained.

    Args:
        settings: The bundle and the runtime.
        labelled: The texts.
        output: The folder of the new bundle; see `check_output`.

    Raises:
        SentimentError: There are too few texts, they do not allow a calibration, the bundle cannot be used, or the new
            one cannot be written.
    """
    check_classes(labelled, MIN_TEXTS, MIN_OF_EACH, "a calibration")
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    if bundle.manifest.calibration is not None:
        raise SentimentError(
            f"{bundle.folder}: this bundle is calibrated already; choose the one that it was made from with --version; "
            "report/MODEL_CARD.md names it"
        )
    classifier = open_classifier(bundle, settings.command_runtime)
    found = adapt(score(classifier, labelled), bundle.manifest.uncertainty)
    calibration = Calibration(
        scale=found.fit.scale,
        shift=found.fit.shift,
        texts=len(labelled.texts),
        sha256=labelled.sha256,
        original=bundle.digest,
        before=found.before,
        after=found.after,
    )
    copy_beside(bundle, output)  # first: with the new bundle alone in its folder, the original could not be chosen
    write_calibrated(output, bundle, classifier, calibration, found.uncertainty, labelled)
    _print(found, labelled, output, bundle.manifest.version)


def _print(found: Adaptation, labelled: LabelledTexts, output: Path, original: str) -> None:
    fit, rule = found.fit, found.uncertainty
    scale = f"scale {fit.scale:.2f} ± {fit.scale_error:.2f}"
    shift = f"shift {fit.shift:+.2f} ± {fit.shift_error:.2f}"
    table = new_table("", "before", "after")
    for name, title in METRICS.items():
        values = (found.before.get(name), found.after.get(name))
        table.add_row(title, *("–" if value is None else f"{value:.3f}" for value in values))
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        Text(one_line(f"{len(labelled.texts):,} texts of {labelled.path.name}: {scale}, {shift}"), "bold"),
        table,
        sep="\n",
    )
    console.print('"After" was measured by calibrating each fifth of the texts with the others.')
    if (rule.above, rule.below) == (0, 1):
        console.print(
            f"No rule makes {1 - ERROR_RATE:.0%} of certain predictions right, so all predictions are uncertain."
        )
    else:
        console.print(f"Predictions between {rule.above:g} and {rule.below:g} are uncertain.")
    console.print(Text(f"bundle: {output}"))
    if max(bundle_versions(output.parent)) == int(output.name):
        console.print("Commands and services use it from now on, because its number is the highest.")
    if found.p_value >= SIGNIFICANT:
        console.print("These texts do not show that the calibration helps: the original may be as good.")
        console.print(Text(f"remove it: rm -r {output}"))
    versions = f"SENTIMENT_MODEL_VERSION={original},{output.name}"
    console.print(Text(f"serve both: SENTIMENT_MODEL_DIR={output.parent} {versions} {typed_command()}"))
