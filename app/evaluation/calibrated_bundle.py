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
from .calibration import CalibrationResult
from .labelled import LabelledTexts

SECTION = """\
# {name}, version {version}

This is the network of version {original}, calibrated with {calibration.texts:,} labelled texts on {created:.10}.
The log-odds of its predictions are multiplied by {calibration.scale:.3f}, then {calibration.shift:+.3f} is added.
The service and its commands do that; `network.npz` and the SavedModel in this folder alone do not.

{promised}

|  | before | after |
| --- | --- | --- |
{comparison}

The right column was measured by calibrating each fifth of the texts with the others.
Their file has the SHA-256 `{calibration.sha256}`.

The rest of this card and of this folder describes version {original}, whose digest is `{calibration.original}`.

"""


def write_calibrated(
    output: Path, original: Bundle, network: Classifier, found: CalibrationResult, labelled: LabelledTexts
) -> None:
    """Write a calibrated bundle, complete or not at all. It contains no text of the file.

    Args:
        output: Its folder, whose name is its version.
        original: The bundle to calibrate.
        network: The original's classifier.
        found: The calibration.
        labelled: The texts that it was fitted to; their histograms become the bundle's profile.

    Raises:
        BundleError: The folder exists, or writing failed, for example because the disk is full.
    """
    calibration = Calibration(
        scale=found.fit.scale,
        shift=found.fit.shift,
        texts=len(labelled.texts),
        sha256=labelled.sha256,
        original=original.digest,
        before=found.before,
        after=found.after,
    )
    classifier = network.calibrated(calibration, found.uncertainty)
    facts = {name: fact for name, fact in original.manifest if name != "files"} | {
        "version": output.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "uncertainty": found.uncertainty,
        "promise": found.promise,
        "calibration": calibration,
    }
    with staged_bundle(output.parent, output.name) as folder:
        for name in original.manifest.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original.folder / name, folder / name)
        reviews = [golden.review for golden in original.golden]
        scored = zip(reviews, classifier.predict(reviews), strict=True)
        write_golden(folder, [Golden(review=text, positive_probability=p.positive_probability) for text, p in scored])
        write_profile(folder, profile_of(classifier.predict(labelled.texts)))
        card = folder / "report/MODEL_CARD.md"
        content = card.read_text(encoding="utf-8") if card.exists() else ""
        card.parent.mkdir(exist_ok=True)
        card.write_text(_section(original, facts) + content, encoding="utf-8", newline="\n")
        write_manifest(folder, **facts)


def _section(original: Bundle, facts: dict[str, Any]) -> str:
    """The section that comes before the original's model card, if it has one."""
    before, after = facts["calibration"].before, facts["calibration"].after
    rows = [
        f"| {name.replace('_', ' ')} | {value:.4f} | {f'{after[name]:.4f}' if name in after else '–'} |"
        for name, value in before.items()
    ]
    return SECTION.format(
        **facts,
        promised=promise.sentence if (promise := facts["promise"]) else "All of its predictions are uncertain.",
        original=original.manifest.version,
        comparison="\n".join(rows),
    )
