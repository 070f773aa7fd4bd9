"""Measure the accuracy of the default bundle on texts of other kinds than it was trained on.

Also measures how often a promise about certain predictions is broken by texts that did not prove it. Writes
benchmarks/elsewhere.json and the tables in docs/reference/accuracy.md. `npm pack` downloads the texts. They are only
for this report: nothing is tuned to them.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.bundles.opening import open_classifier
from app.bundles.reading import Bundle, find_bundle, load_bundle
from app.evaluation.assessment import assess, score
from app.evaluation.calibration import fit
from app.evaluation.labelled import LabelledTexts, read_labelled
from app.evaluation.metrics import HeldOut, certain_under
from app.evaluation.promise import certain_region
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
PROMISES = "<!-- promises: made by `make accuracy-elsewhere` -->"
DRAWS, LABELS, TARGETS = 200, 200, (0.95, 0.9)
"""Draws of labelled texts from each set, the number of texts in each, and the shares that have to be right."""
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, help="rated sentences as for training, which have promises only")
    sentences = parser.parse_args().sentences
    if shutil.which("npm") is None:
        sys.exit("this needs npm, which downloads the texts")
    bundle = load_bundle(find_bundle(ROOT / "models/imdb"))
    classifier = open_classifier(bundle, "numpy")
    with tempfile.TemporaryDirectory(prefix="sentiment-elsewhere-") as folder:
        paths = download(Path(folder))
        sets = {name: read_labelled(path, "text", "class", skip_bad_rows=True) for name, path in paths.items()}
        if sentences is not None:
            rows = [line.split("\t") for line in sentences.read_text().splitlines()]
            own = Path(folder, "snippets.jsonl")
            own.write_text("".join(json.dumps({"text": text, "label": int(float(r) > 0)}) + "\n" for r, text in rows))
            sets["snippets"] = read_labelled(own, "text", "label", skip_bad_rows=True)
        results = {
            "bundle": {"version": bundle.manifest.version, "digest": bundle.digest},
            "package": PACKAGE,
            "texts": {name: measure(bundle, classifier, sets[name]) for name in paths},
            "promises": {name: promises(bundle, score(classifier, each)) for name, each in sets.items()},
        }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    page = DOCUMENT.read_text()
    for begin, content in ((BEGIN, table(results)), (PROMISES, table_of_promises(results))):
        head, rest = page.split(begin)
        page = f"{head}{begin}\n{content}\n{END}{rest.partition(END)[2]}"
        print(content)
    DOCUMENT.write_text(page)


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


def measure(bundle: Bundle, classifier: Classifier, labelled: LabelledTexts) -> dict[str, Any]:
    """Evaluate the bundle on a set, as `review-sentiment evaluate` does."""
    found = assess(score(classifier, labelled), bundle.manifest, labelled)
    return {name: getattr(found, name) for name in FIGURES}


def promises(bundle: Bundle, texts: HeldOut) -> dict[str, dict[str, float]]:
    """Draw labelled texts from a set again and again, and check what they promise with the rest.

    Returns:
        Target -> `promised`: the share of draws that prove it; `certain_share`: the mean share of the rest that is
        certain, 0 without a promise; `broken`: the share of draws whose promise is not true for the rest.
    """
    odds = texts.log_odds  # (texts,)
    limits = replace(bundle.manifest.uncertainty, above=1.0, below=1.0)  # only the limits on known words
    readable = certain_under(limits, texts)  # (texts,)
    found = {}
    for target in TARGETS:
        outcomes = []
        for seed in range(DRAWS):
            drawn, rest = np.split(np.random.default_rng(seed).permutation(len(odds)), [LABELS])
            labelled = texts.at(drawn)
            fitted = fit(labelled)
            region = certain_region(labelled, target, limits, -fitted.shift / fitted.scale)
            share, broken = 0.0, False
            if region is not None:
                inside = rest[((odds[rest] <= region.low) | (odds[rest] >= region.high)) & readable[rest]]
                right = (odds[inside] >= region.high) == (texts.labels[inside] == 1)
                share, broken = len(inside) / len(rest), bool(right.mean() < target)
            outcomes.append((region is not None, share, broken))
        found[str(target)] = dict(
            zip(("promised", "certain_share", "broken"), np.mean(outcomes, 0).tolist(), strict=True)
        )
    return found


def table_of_promises(results: Results) -> str:
    """How often promises are made, and how often they are broken, in Markdown."""
    titles = [f"{float(target):.0%}: promised | certain | broken" for target in map(str, TARGETS)]
    lines = [f"| texts | {' | '.join(titles)} |", f"| --- |{' ---: |' * 3 * len(TARGETS)}"]
    for name, found in results["promises"].items():
        cells = [f"{share:.1%}" for target in map(str, TARGETS) for share in found[target].values()]
        lines.append(f"| {SETS.get(name, 'rated snippets of film reviews')} | {' | '.join(cells)} |")
    return "\n".join(lines)


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
