"""The `check` command: facts about a bundle, and a check of its network with the golden reviews."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..bundles.manifest import MANIFEST
from ..bundles.opening import open_classifier
from ..bundles.reading import Bundle, find_bundle, load_bundle
from ..model.errors import PackageMissing, SentimentError
from ..model.runtimes import RUNTIMES
from . import options as opt
from .messages import one_line


def run(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="Its folder; by default, the one that `serve` uses.")
    ] = None,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Verify a bundle and print facts about it.

    For example:

        python -m app check
        python -m app check models/imdb/1 --runtime numpy
        python -m app check --json | jq .manifest.metrics

    Checks the SHA-256 of every file. Then scores the golden reviews with the chosen runtime, or with every
    installed one, and compares the probabilities with the recorded ones.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    try:
        found = load_bundle(bundle or find_bundle(settings.model_dir, settings.model_version))
        differences = _replay(found, settings.runtime if "runtime" in settings.model_fields_set else None)
    except SentimentError as error:
        if as_json:
            typer.echo(json.dumps({"valid": False, "message": str(error)}))
        raise
    if not as_json:
        typer.echo(_lines(found, differences))
        return
    facts = {"folder": str(found.folder), "valid": True, "digest": found.digest, "runtimes": differences}
    typer.echo(json.dumps(facts | {"manifest": json.loads((found.folder / MANIFEST).read_bytes())}))


def _replay(bundle: Bundle, runtime: str | None) -> dict[str, float | None]:
    """Score the golden reviews with one runtime, or with every installed one.

    Returns:
        Per runtime, the largest difference from a recorded probability; None if it is not installed.
    """
    differences: dict[str, float | None] = {}
    missing = []
    available = [name for name in sorted(RUNTIMES) if name != "numpy" or bundle.network]
    for name in [runtime] if runtime else available:
        try:
            predictions = open_classifier(bundle, name).predict([golden.review for golden in bundle.golden])
        except PackageMissing as error:
            differences[name] = None
            missing.append(str(error))
            continue
        pairs = zip(bundle.golden, predictions, strict=True)
        differences[name] = max(abs(one.positive_probability - other.positive_probability) for one, other in pairs)
    if len(missing) == len(differences):
        raise PackageMissing("; ".join(missing))
    return differences


def _lines(bundle: Bundle, differences: dict[str, float | None]) -> str:
    """The main facts for people."""
    manifest, rule = bundle.manifest, bundle.manifest.uncertainty
    facts = {
        "bundle": f"{manifest.name} {manifest.version} in {bundle.folder}, created {manifest.created}",
        "digest": bundle.digest,
        "vocabulary": f"{manifest.vocabulary_size:,} terms",
        "uncertain": f"between {rule.above:g} and {rule.below:g}, with fewer than {rule.min_known_words} known words, "
        f"or if less than {rule.min_known_share:.0%} of the words are known",
        "metrics": ", ".join(f"{name} {value:.4f}" for name, value in manifest.metrics.items()),
        "files": f"ok: {len(manifest.files)} files have the SHA-256 that the manifest states",
    }
    if manifest.promise is not None:
        facts["promise"] = manifest.promise.sentence
    if (found := manifest.calibration) is not None:
        correction = f"log-odds times {found.scale:.3g}, then {found.shift:+.3g}"
        facts["calibrated"] = f"with {found.texts:,} labelled texts: {correction}"
    for runtime, difference in differences.items():
        ok = f"ok: {len(bundle.golden)} golden reviews, largest difference "
        facts[runtime] = "not installed" if difference is None else f"{ok}{difference:.1g}"
    return "\n".join(f"{name:<12}{one_line(value)}" for name, value in facts.items())
