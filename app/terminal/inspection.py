"""What there is to know about a bundle, and whether it is whole."""

from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from pydantic import JsonValue

from app.inference.bundle import MANIFEST, OWN_NAMES, Bundle, bundle_versions, find_bundle
from app.inference.classifier import open_classifier
from app.inference.errors import BundleDamaged, BundleNotFound, RuntimeUnavailable, SentimentError
from app.inference.runtimes import LITERT_FILE, RUNTIMES
from app.terminal.printable import one_line


@dataclass(frozen=True)
class Trial:
    """How a runtime did with a bundle's golden reviews.

    Attributes:
        runtime: Its name.
        difference: How far its answers were from the recorded ones at most; None where it could not be tried.
        seconds: To load the network and prove it.
        unavailable: Why it could not be tried, or None.
    """

    runtime: str
    difference: float | None = None
    seconds: float | None = None
    unavailable: str | None = None


def folder_of(place: Path) -> Path:
    """The bundle that somebody means: the folder itself, or the newest version in it.

    Raises:
        BundleNotFound: There is none, or the folder cannot be read.
    """
    try:
        versions = [] if (place / MANIFEST).exists() else bundle_versions(place)
    except OSError as error:
        raise BundleNotFound(f"{place}: cannot be read ({error.strerror})") from error
    return find_bundle(place) if versions else place


def try_runtimes(bundle: Bundle, wanted: str | None) -> list[Trial]:
    """Load a bundle's network with each runtime, or the one that is wanted, and ask it the golden reviews.

    Raises:
        BundleDamaged: The network cannot be loaded or answers otherwise.
        RuntimeUnavailable: The wanted runtime is not installed, or none is.
    """
    if wanted:
        return [_try(bundle, wanted)]
    trials = []
    for runtime in sorted(RUNTIMES):  # LiteRT first: it finds the same damage sooner
        if runtime == "litert" and LITERT_FILE not in bundle.manifest.files:
            trials.append(Trial(runtime, unavailable=f"the bundle holds no {LITERT_FILE}"))
            continue
        try:
            trials.append(_try(bundle, runtime))
        except RuntimeUnavailable as error:
            trials.append(Trial(runtime, unavailable=str(error)))
    if all(trial.difference is None for trial in trials):
        raise RuntimeUnavailable("; ".join(str(trial.unavailable) for trial in trials))
    return trials


def _try(bundle: Bundle, runtime: str) -> Trial:
    began = perf_counter()
    classifier = open_classifier(bundle, runtime)
    predictions = classifier.predict([golden.review for golden in bundle.golden])
    farthest = max(
        abs(golden.positive_probability - prediction.positive_probability)
        for golden, prediction in zip(bundle.golden, predictions, strict=True)
    )
    return Trial(runtime, farthest, perf_counter() - began)


def facts_of(bundle: Bundle, trials: list[Trial]) -> dict[str, Any]:
    """All of it for programs: the manifest, and what was seen."""
    return {
        "folder": str(bundle.folder),
        "whole": True,
        "digest": bundle.digest,
        "bytes": _size(bundle),
        "golden_reviews": len(bundle.golden),
        "runtimes": [asdict(trial) for trial in trials],
        "manifest": bundle.manifest.model_dump(mode="json"),
    }


def faults_of(folder: Path, error: SentimentError) -> dict[str, Any]:
    """The same of a bundle that cannot serve."""
    damaged = isinstance(error, BundleDamaged)
    return {
        "folder": str(folder),
        "whole": False,
        "file": str(error.path) if isinstance(error, BundleDamaged) else None,
        "reason": error.reason if isinstance(error, BundleDamaged) else None,
        "error": "damaged" if damaged else type(error).__name__,
        "message": str(error),
    }


def lines_about(bundle: Bundle, trials: list[Trial]) -> list[tuple[str, str]]:
    """All of it for people: what, and how it is."""
    manifest = bundle.manifest
    encoding = manifest.encoding
    terms = "single words" if encoding.longest_term == 1 else f"of up to {encoding.longest_term} words"
    kept = f", signs that count: {encoding.kept_punctuation}" if encoding.kept_punctuation else ""
    lines = [
        ("bundle", f"{manifest.name}, version {manifest.version}"),
        ("folder", f"{bundle.folder}, {len(manifest.files) + 2} files, {_size(bundle) / 1e6:.1f} MB"),
        ("digest", bundle.digest),
        ("created", manifest.created),
        ("recipe", _listed(manifest.recipe)),
        ("encoding", f"{encoding.columns:,} columns; terms: {terms}{kept}"),
        ("vocabulary", f"{manifest.vocabulary_size:,} terms"),
        ("data set", _listed(manifest.dataset)),
        ("metrics", ", ".join(f"{name} {value:.4f}" for name, value in manifest.metrics.items())),
        ("libraries", ", ".join(f"{name} {version}" for name, version in manifest.libraries.items())),
        ("files", f"ok: the seal and the SHA-256 of {len(manifest.files)} files are right, and none is foreign"),
    ]
    for trial in trials:
        if trial.difference is None:
            lines.append((trial.runtime, f"not tried: {trial.unavailable}"))
        else:
            near = f"within {trial.difference:.0e} of" if trial.difference else "exactly"
            golden = f"{len(bundle.golden)} golden reviews score {near} what they should"
            lines.append((trial.runtime, f"ok: {golden}; ready in {trial.seconds:.2f} s"))
    return [(name, one_line(line)) for name, line in lines]


def _size(bundle: Bundle) -> int:
    names = (*bundle.manifest.files, *(name for name in OWN_NAMES if name != "."))
    return sum((bundle.folder / name).stat().st_size for name in names)


def _listed(facts: dict[str, JsonValue]) -> str:
    """What is simple among the facts; --json shows all of them."""
    simple = {name: value for name, value in facts.items() if not isinstance(value, dict | list)}
    return ", ".join(str(value) if name == "name" else f"{name} {value}" for name, value in simple.items())
