"""Measure the accuracy of the default bundle on texts of other kinds than it was trained on.

Writes benchmarks/elsewhere.json and the table in docs/reference/accuracy.md. `npm pack` downloads the texts. They are
only for this report: nothing is tuned to them.
"""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from app.bundles.opening import open_classifier
from app.bundles.reading import Bundle, find_bundle, load_bundle
from app.evaluation.assessment import assess, score
from app.evaluation.labelled import read_labelled
from app.model.classifier import Classifier
from benchmarks.environments import ROOT

PACKAGE = "sentiment@5.0.2"
"""An npm package whose tests contain the three files of "Sentiment Labelled Sentences" (UCI)."""
SETS = {
    "imdb": "sentences of film reviews, IMDB",
    "yelp": "sentences of restaurant reviews, Yelp",
    "amazon": "sentences of product reviews, Amazon",
}
"""File in the package -> what it contains."""
RESULTS = ROOT / "benchmarks/elsewhere.json"
DOCUMENT = ROOT / "docs/reference/accuracy.md"
BEGIN, END = "<!-- made by `make accuracy-elsewhere` -->", "<!-- end -->"
FIGURES = (
    "reviews",
    "accuracy",
    "accuracy_interval",
    "auc",
    "loss",
    "calibration_error",
    "certain_share",
    "certain_accuracy",
    "unknown_share",
)
Results = dict[str, Any]


def main() -> None:
    """Measure, and write the results."""
    if shutil.which("npm") is None:
        sys.exit("this needs npm, which downloads the texts")
    bundle = load_bundle(find_bundle(ROOT / "models/imdb"))
    classifier = open_classifier(bundle, "numpy")
    with tempfile.TemporaryDirectory(prefix="sentiment-elsewhere-") as folder:
        results = {
            "bundle": {"version": bundle.manifest.version, "digest": bundle.digest},
            "package": PACKAGE,
            "texts": {name: measure(bundle, classifier, path) for name, path in download(Path(folder)).items()},
        }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    head, rest = DOCUMENT.read_text().split(BEGIN)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{table(results)}\n{END}{rest.partition(END)[2]}")
    print(table(results))


def download(folder: Path) -> dict[str, Path]:
    """Download the package; returns its sets as JSON Lines."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    (archive,) = folder.glob("*.tgz")
    paths = {}
    with tarfile.open(archive) as package:
        for name in SETS:
            file = package.extractfile(f"package/test/fixtures/{name}.json")
            assert file is not None
            rows = json.load(file)
            paths[name] = folder / f"{name}.jsonl"
            paths[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
    return paths


def measure(bundle: Bundle, classifier: Classifier, path: Path) -> dict[str, Any]:
    """Evaluate the bundle on a set, as `review-sentiment evaluate` does."""
    labelled = read_labelled(path, "text", "class", skip_bad_rows=True)  # one of the files ends with a blank text
    found = assess(score(classifier, labelled), bundle.manifest, labelled)
    return {name: getattr(found, name) for name in FIGURES}


def table(results: Results) -> str:
    """The results in Markdown."""
    lines = [
        "| texts | number | accuracy (95% interval) | log loss | calibration error | certain: share, right |",
        "| --- | ---: | --- | ---: | ---: | --- |",
    ]
    for name, found in results["texts"].items():
        low, high = found["accuracy_interval"]
        cells = (
            SETS[name],
            f"{found['reviews']:,}",
            f"{found['accuracy']:.3f} ({low:.3f} to {high:.3f})",
            f"{found['loss']:.3f}",
            f"{found['calibration_error']:.3f}",
            f"{found['certain_share']:.0%}, {found['certain_accuracy']:.1%}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
