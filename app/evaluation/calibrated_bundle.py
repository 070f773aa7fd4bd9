"""Writing a calibrated bundle: the same network, other probabilities."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.bundles.manifest import Golden
from app.bundles.profile import profile_of
from app.bundles.reading import Bundle, load_bundle
from app.bundles.writing import staged_bundle, write_golden, write_manifest, write_profile
from app.evaluation.labelled import LabelledTexts
from app.evaluation.markdown import table
from app.model.calibration import Calibration
from app.model.classifier import Classifier
from app.model.errors import BundleError
from app.model.prediction import UncertaintyRule

CARD = Path("report/MODEL_CARD.md")
SECTION = """\
# {name}, version {version}

This is the network of version {original}, calibrated with {calibration.texts:,} labelled texts on {created:.10}.
The log-odds of its predictions are multiplied by {calibration.scale:.3f}, then {calibration.shift:+.3f} is added.
The service and its commands do that; `network.npz` and the SavedModel in this folder alone do not.

{comparison}

The right column was measured by calibrating each fifth of the texts with the others.
Their file has the SHA-256 `{calibration.sha256}`.

The rest of this card and of this folder describes version {original}, whose digest is `{calibration.original}`.

"""


def write_calibrated(
    output: Path,
    original: Bundle,
    network: Classifier,
    calibration: Calibration,
    uncertainty: UncertaintyRule,
    labelled: LabelledTexts,
) -> None:
    """Write a calibrated bundle, complete or not at all. It contains no text of the file.

    Args:
        output: Its folder, whose name is its version.
        original: The bundle to calibrate.
        network: Its classifier.
        calibration: What to do with the network's probabilities.
        uncertainty: When a calibrated prediction is uncertain.
        labelled: The texts that it was fitted to; their histograms become the bundle's profile.

    Raises:
        BundleError: The folder exists, or writing failed, for example because the disk is full.
    """
    classifier = network.calibrated(calibration, uncertainty)
    facts = original.manifest.model_dump(exclude={"files"}) | {
        "version": output.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "uncertainty": uncertainty,
        "calibration": calibration,
    }
    with staged_bundle(output.parent, output.name) as folder:
        for name in original.manifest.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original.folder / name, folder / name)
        texts = [golden.review for golden in original.golden]
        write_golden(
            folder,
            [
                Golden(review=text, positive_probability=prediction.positive_probability)
                for text, prediction in zip(texts, classifier.predict(texts), strict=True)
            ],
        )
        write_profile(folder, profile_of(classifier.predict(labelled.texts)))
        _write_card(folder / CARD, original, facts)
        write_manifest(folder, **facts)


def copy_beside(original: Bundle, output: Path) -> None:
    """Copy the original to the folder of the calibrated bundle, unless it is there, so that one service can serve both.

    Raises:
        BundleError: Another bundle has its version there, or writing failed, for example because the disk is full.
    """
    copy = output.parent / original.manifest.version
    if not copy.exists():
        with staged_bundle(copy.parent, copy.name) as folder:
            shutil.copytree(original.folder, folder, dirs_exist_ok=True)
    elif load_bundle(copy).digest != original.digest:
        raise BundleError(f"{copy} is another bundle than {original.folder}; choose another folder for the new one")


def _write_card(path: Path, original: Bundle, facts: dict[str, Any]) -> None:
    """Put a section in front of the original's model card, if it has one."""
    before, after = facts["calibration"].before, facts["calibration"].after
    rows = [
        (name.replace("_", " "), f"{value:.4f}", f"{after[name]:.4f}" if name in after else "–")
        for name, value in before.items()
    ]
    section = SECTION.format(
        **facts, original=original.manifest.version, comparison=table(("", "before", "after"), *rows)
    )
    card = path.read_text(encoding="utf-8") if path.exists() else ""
    path.parent.mkdir(exist_ok=True)
    path.write_text(section + card, encoding="utf-8", newline="\n")
