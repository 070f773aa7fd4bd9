"""The `calibrate` command: a new bundle whose probabilities are right for a file of labelled texts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from app.bundles.opening import open_classifier
from app.bundles.reading import bundle_versions, find_bundle, load_bundle
from app.commands import options as opt
from app.commands.messages import one_line, typed_command
from app.commands.tables import new_table
from app.evaluation.labelled import LabelledTexts, read_labelled
from app.model.calibration import Calibration
from app.model.errors import SentimentError
from app.model.packages import require_modules

if TYPE_CHECKING:
    from app.evaluation.calibration import CalibrationResult

MIN_TEXTS, MIN_OF_EACH = 50, 10
METRICS = {
    "accuracy": "accuracy",
    "loss": "log loss",
    "calibration_error": "calibration error",
    "certain_share": "share of certain predictions",
    "certain_accuracy": "their accuracy",
}


def run(
    file: opt.LabelledFile,
    output: Annotated[Path, typer.Argument(help="Folder of the new bundle; its name is the version.")],
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Make the model's probabilities right for your own texts, with 50 labels or more, without training.

    For example:

        python -m app calibrate my.csv models/imdb/4 --version 3
        SENTIMENT_MODEL_VERSION=3,4 python -m app

    Writes a new bundle with the same network. Its predictions are corrected by two numbers, a scale and a shift of the
    log-odds, and its rule for uncertain predictions fits the texts. It contains no text of the file.

    Needs scikit-learn and SciPy, and says how to install them.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    require_modules("evaluation", "scipy", "sklearn")
    from app.evaluation.assessment import check_classes, score
    from app.evaluation.calibrated_bundle import copy_beside, write_calibrated
    from app.evaluation.calibration import adapt

    _check_output(output)
    labelled = read_labelled(file, text_column, label_column, skip_bad_rows)
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


def _check_output(output: Path) -> None:
    """Check that a bundle can be written to a folder, before anything else is done.

    Raises:
        typer.BadParameter: The folder exists, or its name is not a version.
    """
    version = output.name
    is_version = version.isascii() and version.isdigit() and str(int(version)) == version
    if is_version and not output.exists():
        return
    folder = output.parent if is_version or bundle_versions(output.parent) else output
    free = folder / str(max(bundle_versions(folder), default=0) + 1)
    if is_version:
        raise typer.BadParameter(f"{output} exists, and bundles are immutable; choose {free}")
    raise typer.BadParameter(f"OUTPUT must end with the number of the new version, such as {free}")


def _print(found: "CalibrationResult", labelled: LabelledTexts, output: Path, original: str) -> None:
    from app.evaluation.metrics import SIGNIFICANT
    from app.evaluation.uncertainty import ERROR_RATE

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
