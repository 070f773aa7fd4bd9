"""The bundles in models/imdb, on plain texts and on the real reviews."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.progress import Progress

from app.bundles.opening import open_classifier
from app.bundles.reading import find_bundle, load_bundle
from app.evaluation.metrics import measure
from app.model.classifier import Classifier
from tests.model.test_vocabulary import check_against_definition
from tests.models import MODELS, NEWEST, VERSIONS
from training.archive import load_archives, read_reviews
from training.behaviour import behaviour
from training.dataset import Review, build_vocabulary, digest_of, labels_of

ENTHUSIASTIC = (
    "An absolute triumph. The acting is superb, the story is moving and beautifully told, and I loved every wonderful "
    "minute of it. One of the best films of the year; highly recommended."
)
SCATHING = (
    "A complete waste of time. The plot is a predictable mess, the acting is awful and the dialogue is painfully dull. "
    "I was bored from start to finish. One of the worst films of the year; avoid it."
)
each = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(scope="module")
def raw(imdb: Path) -> list[Review]:
    """All labelled reviews."""
    return read_reviews([imdb], Progress(disable=True))


def probabilities(classifier: Classifier, reviews: list[str]) -> NDArray[np.float32]:
    return np.array([said.positive_probability for said in classifier.predict(reviews)], np.float32)


@each
def test_shipped_bundle_is_small_and_trained_on_everything(version: str) -> None:
    folder = MODELS / version
    manifest = load_bundle(folder).manifest
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 5_000_000
    assert manifest.dataset["training_reviews"] == 25_000
    assert manifest.encoding.columns == 10_000
    test = json.loads((folder / "report/evaluation.json").read_text())["test"]
    assert test["certain_accuracy"] >= 0.95
    assert test["certain_share"] >= 0.5


def test_first_bundle_is_as_good_as_the_book_and_the_newest_one_better() -> None:
    first, newest = (load_bundle(MODELS / version).manifest.metrics for version in ("1", NEWEST))
    assert first["accuracy"] == pytest.approx(0.88, abs=0.01)
    assert first["loss"] == pytest.approx(0.29, abs=0.015)
    assert newest["accuracy"] >= 0.922
    assert newest["calibration_error"] <= 0.02
    assert find_bundle(MODELS).name == NEWEST


@each
def test_shipped_bundle_scores_plain_texts(shipped: dict[str, Classifier], version: str) -> None:
    variants = (
        ENTHUSIASTIC.upper(),
        ENTHUSIASTIC.replace(". ", ".<>"),
        ENTHUSIASTIC.replace(",", " \u2014"),
        f"  \u201c{ENTHUSIASTIC}\u201d\r\n",
    )
    bad, good, *others = probabilities(shipped[version], [SCATHING, ENTHUSIASTIC, *variants]).tolist()
    assert bad < 0.1
    assert good > 0.9
    assert others == pytest.approx([good] * len(variants), abs=1e-6)


@each
def test_shipped_bundle_behaves_as_its_report_says(shipped: dict[str, Classifier], version: str) -> None:
    """Minimum functionality, invariance and direction, on synthetic texts."""
    recorded = json.loads((MODELS / version / "report/evaluation.json").read_text())["behaviour"]["kinds"]
    kinds = behaviour(lambda texts: probabilities(shipped[version], list(texts)).tolist())["kinds"]
    assert kinds == recorded
    for kind in ("invariance", "direction"):
        assert recorded[kind]["passed"] == recorded[kind]["checks"]


def test_newest_bundle_answers_short_texts_as_a_person_would(shipped: dict[str, Classifier]) -> None:
    texts = ["Good.", "Not bad at all.", "It is not a great film.", "Boring. Avoid.", "Boring.<br />Avoid."]
    good, not_bad, not_great, boring, marked_up = probabilities(shipped[NEWEST], texts).tolist()
    assert min(good, not_bad) > 0.5 > not_great
    assert boring == marked_up < 0.1


@pytest.mark.slow
def test_first_vocabulary_is_that_of_the_real_reviews(shipped: dict[str, Classifier], imdb: Path) -> None:
    vocabulary = shipped["1"].vocabulary
    counted = build_vocabulary(load_archives([imdb], Progress(disable=True)), vocabulary.encoding)
    assert counted.word_index == vocabulary.word_index


@pytest.mark.slow
@each
def test_shipped_vocabulary_encodes_real_reviews_by_the_definition(
    shipped: dict[str, Classifier], raw: list[Review], version: str
) -> None:
    texts = [review.text for review in raw[::10]]
    for start in range(0, len(texts), 64):
        check_against_definition(shipped[version].vocabulary, texts[start : start + 64])


@each
def test_shipped_vocabulary_finds_each_of_its_terms(shipped: dict[str, Classifier], version: str) -> None:
    vocabulary = shipped[version].vocabulary
    terms = list(vocabulary.word_index)
    assert vocabulary.word_index == json.loads((MODELS / version / "word_index.json").read_text())
    for start in range(0, len(terms), 1000):
        check_against_definition(vocabulary, terms[start : start + 1000])


@pytest.mark.slow
@each
def test_shipped_metrics_are_reproduced_from_the_real_reviews_with_every_runtime(
    shipped: dict[str, Classifier], raw: list[Review], version: str
) -> None:
    test = [review for review in raw if review.split == "test"]
    texts = [review.text for review in test]
    bundle = load_bundle(MODELS / version)
    answers = probabilities(shipped[version], texts)
    assert np.abs(probabilities(open_classifier(bundle, "numpy"), texts) - answers).max() <= 1e-5
    metrics = measure(answers, labels_of(test))
    assert metrics["accuracy"] == bundle.manifest.metrics["accuracy"]
    assert metrics == pytest.approx(bundle.manifest.metrics, abs=1e-5)
    assert digest_of(part for review in raw for part in review) == bundle.manifest.dataset["sha256"]
