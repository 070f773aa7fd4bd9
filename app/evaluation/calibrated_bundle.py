"""Writing a calibrated bundle: the same network, other probabilities."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..bundles.manifest import Golden
from ..bundles.profile import profile_of
from ..bundles.reading import Bundle
from ..bundles.writing import staged_bundle, write_golden, write_manifest, write_profile
from ..model.calibration import Calibration
from ..model.classifier import Classifier
from ..model.prediction import Promise, UncertaintyRule
from .labelled import LabelledTexts
from .markdown import table

CARD = Path("report/MODEL_CARD.md")
SECTION = """\
# {name}, version {version}

This is the network of version {original}, calibrated with {calibration.texts:,} labelled texts on {created:.10}.
The log-odds of its predictions are multiplied by {calibration.scale:.3f}, then {calibration.shift:+.3f} is added.
The service and its commands do that; `network.npz` and the SavedModel in this folder alone do not.

{promised}

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
    promise: Promise | None,
    labelled: LabelledTexts,
) -> None:
    """Write a calibrated bundle, complete or not at all. It contains no text of the file.

    Args:
        output: Its folder, whose name is its version.
        original: The bundle to calibrate.
        network: Its classifier.
        calibration: What to do with the network's probabilities.
        uncertainty: When a calibrated prediction is uncertain.
        promise: How often certain predictions are right; None if nothing was proved.
        labelled: The texts that it was fitted to; their histograms become the bundle's profile.

    Raises:
        BundleError: The folder exists, or writing failed, for example because the disk is full.
    """
    classifier = network.calibrated(calibration, uncertainty)
    facts = original.manifest.model_dump(exclude={"files"}, exclude_computed_fields=True) | {
        "version": output.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "uncertainty": uncertainty,
        "promise": promise,
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


def _write_card(path: Path, original: Bundle, facts: dict[str, Any]) -> None:
    """Put a section in front of the original's model card, if it has one."""
    before, after = facts["calibration"].before, facts["calibration"].after
    rows = [
        (name.replace("_", " "), f"{value:.4f}", f"{after[name]:.4f}" if name in after else "–")
        for name, value in before.items()
    ]
    section = SECTION.format(
        **facts,
        promised=promise.sentence if (promise := facts["promise"]) else "All of its predictions are uncertain.",
        original=original.manifest.version,
        comparison=table(("", "before", "after"), *rows),
    )
    card = path.read_text(encoding="utf-8") if path.exists() else ""
    path.parent.mkdir(exist_ok=True)
    path.write_text(section + card, encoding="utf-8", newline="\n")
