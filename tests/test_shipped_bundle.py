"""The bundle that the repository ships, on plain texts and on the real reviews."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from app.inference.bundle import load_bundle
from app.inference.classifier import Classifier
from tests.conftest import ROOT
from training.archive import load_archives
from training.dataset import Dataset, build_vocabulary, digest_of
from training.evaluation import measure

FOLDER = ROOT / "models/imdb/1"
ENTHUSIASTIC = (
    "An absolute triumph. The acting is superb, the story is moving and beautifully told, and I loved every wonderful "
    "minute of it. One of the best films of the year; highly recommended."
)
SCATHING = (
    "A complete waste of time. The plot is a predictable mess, the acting is awful and the dialogue is painfully dull. "
    "I was bored from start to finish. One of the worst films of the year; avoid it."
)


@pytest.fixture(scope="module")
def real(imdb: Path) -> Dataset:
    return load_archives([imdb], Progress(disable=True))


def probability(classifier: Classifier, review: str) -> float:
    return classifier.predict([review])[0].positive_probability


def test_shipped_bundle_judges_plain_paragraphs(shipped: Classifier) -> None:
    assert probability(shipped, ENTHUSIASTIC) > 0.9
    assert probability(shipped, SCATHING) < 0.1


def test_shipped_bundle_is_small_and_good() -> None:
    bundle = load_bundle(FOLDER)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 2_000_000
    assert bundle.manifest.metrics["accuracy"] == pytest.approx(0.88, abs=0.01)
    assert bundle.manifest.metrics["loss"] == pytest.approx(0.29, abs=0.015)
    assert bundle.manifest.dataset["training_reviews"] == 25_000


@pytest.mark.parametrize(
    "variant",
    [
        ENTHUSIASTIC.upper(),
        ENTHUSIASTIC.replace(". ", ".<>"),
        ENTHUSIASTIC.replace(",", " \u2014"),
        f"  \u201c{ENTHUSIASTIC}\u201d\r\n",
        " ".join(reversed(ENTHUSIASTIC.replace(".", "").split())),
    ],
)
def test_shipped_bundle_ignores_case_punctuation_and_order(shipped: Classifier, variant: str) -> None:
    assert probability(shipped, variant) == pytest.approx(probability(shipped, ENTHUSIASTIC), abs=1e-6)


@pytest.mark.parametrize(("word", "sign"), [("terrible", -1), ("awful", -1), ("superb", 1), ("excellent", 1)])
def test_shipped_bundle_moves_with_a_loaded_word(shipped: Classifier, word: str, sign: int) -> None:
    for text in (ENTHUSIASTIC, SCATHING, "The film is about a dog."):
        moved = probability(shipped, f"{text} {word}") - probability(shipped, text)
        assert moved * sign >= 0 or word in text.lower()


def test_shipped_bundle_reads_typographic_negation_alike(shipped: Classifier) -> None:
    assert probability(shipped, "I didn\u2019t like it") == probability(shipped, "I didn't like it")
    assert probability(shipped, "I didn't like it") < probability(shipped, "I like it")


def test_shipped_vocabulary_is_that_of_the_real_reviews(shipped: Classifier, real: Dataset) -> None:
    vocabulary = build_vocabulary(real, shipped.vocabulary.encoding)
    assert vocabulary.word_index == shipped.vocabulary.word_index
    most_frequent = sorted(vocabulary.word_index, key=lambda word: vocabulary.word_index[word])[:20]
    assert most_frequent == (
        "the and a of to is br in it i this that was as for with movie but film on".split()  # noqa: SIM905
    )


def test_shipped_metrics_come_back_from_the_real_reviews(shipped: Classifier, real: Dataset) -> None:
    rows = [shipped.vocabulary.encode_tokens(tokens) for tokens in real.test.sequences]
    answers = [
        prediction.positive_probability
        for start in range(0, len(rows), 1024)
        for prediction in shipped.predict_rows(rows[start : start + 1024])
    ]
    metrics = measure(np.array(answers, np.float32), real.test.labels)
    bundle = load_bundle(FOLDER)
    assert metrics["accuracy"] == bundle.manifest.metrics["accuracy"]
    assert metrics == pytest.approx(bundle.manifest.metrics, abs=1e-6)
    assert real.digest == bundle.manifest.dataset["sha256"]


def test_real_reviews_encode_as_keras_encodes_them(real: Dataset, imdb: Path) -> None:
    """Over all training reviews without typographic signs, which Keras's tokeniser does not know."""
    from keras.src.legacy.preprocessing.text import text_to_word_sequence

    from app.inference.text import APOSTROPHES, SEPARATORS
    from training.archive import read_reviews

    odd = set(APOSTROPHES + SEPARATORS)
    reviews = [review for review in read_reviews([imdb], Progress(disable=True)) if review.split == "train"]
    counts: Counter[str] = Counter()
    compared = 0
    for review, tokens in zip(reviews, real.train.sequences, strict=True):
        by_keras = text_to_word_sequence(review.text)
        counts.update(by_keras)
        if not odd & set(review.text) and not any(sign.isspace() for sign in set(review.text) - {" ", "\t", "\n"}):
            assert tokens == by_keras
            compared += 1
    assert len(counts) == 88_581
    assert compared > 24_000


def test_digest_tells_lists_apart() -> None:
    assert digest_of(["ab", "c"]) != digest_of(["a", "bc"])
    assert digest_of(["a"]) == digest_of(["a"])
