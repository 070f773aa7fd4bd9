"""The bundles that the repository ships, on plain texts and on the real reviews."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.progress import Progress

from app.inference.bundle import find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.inference.text import APOSTROPHES, SEPARATORS, tokenise
from tests.conftest import ROOT
from training.archive import Review, labels_of, load_archives, read_reviews
from training.behaviour import behaviour
from training.dataset import build_vocabulary, digest_of
from training.evaluation import measure

BOOK, BEST = ROOT / "models/imdb/1", ROOT / "models/imdb/2"
ENTHUSIASTIC = (
    "An absolute triumph. The acting is superb, the story is moving and beautifully told, and I loved every wonderful "
    "minute of it. One of the best films of the year; highly recommended."
)
SCATHING = (
    "A complete waste of time. The plot is a predictable mess, the acting is awful and the dialogue is painfully dull. "
    "I was bored from start to finish. One of the worst films of the year; avoid it."
)


@pytest.fixture(scope="module")
def raw(imdb: Path) -> list[Review]:
    """All labelled reviews."""
    return read_reviews([imdb], Progress(disable=True))


@pytest.fixture(scope="module", params=[BOOK, BEST], ids=["book", "best"])
def either(request: pytest.FixtureRequest) -> Classifier:
    """Each of the shipped bundles."""
    return open_classifier(load_bundle(request.param), "tensorflow")


def probability(classifier: Classifier, review: str) -> float:
    return classifier.predict([review])[0].positive_probability


def test_shipped_bundles_judge_plain_paragraphs(either: Classifier) -> None:
    assert probability(either, ENTHUSIASTIC) > 0.9
    assert probability(either, SCATHING) < 0.1


@pytest.mark.parametrize("folder", [BOOK, BEST], ids=["book", "best"])
def test_shipped_bundles_are_small_and_trained_on_everything(folder: Path) -> None:
    bundle = load_bundle(folder)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 2_000_000
    assert bundle.manifest.dataset["training_reviews"] == 25_000
    assert bundle.manifest.encoding.columns == 10_000


def test_first_bundle_is_as_good_as_the_book() -> None:
    metrics = load_bundle(BOOK).manifest.metrics
    assert metrics["accuracy"] == pytest.approx(0.88, abs=0.01)
    assert metrics["loss"] == pytest.approx(0.29, abs=0.015)


def test_second_bundle_is_better_and_calibrated() -> None:
    metrics = load_bundle(BEST).manifest.metrics
    assert metrics["accuracy"] >= 0.915
    assert metrics["calibration_error"] <= 0.015


def test_newest_bundle_is_the_best_one() -> None:
    assert find_bundle(ROOT / "models/imdb") == BEST


@pytest.mark.parametrize(
    "variant",
    [
        ENTHUSIASTIC.upper(),
        ENTHUSIASTIC.replace(". ", ".<>"),
        ENTHUSIASTIC.replace(",", " \u2014"),
        f"  \u201c{ENTHUSIASTIC}\u201d\r\n",
    ],
)
def test_shipped_bundles_ignore_case_and_punctuation(either: Classifier, variant: str) -> None:
    assert probability(either, variant) == pytest.approx(probability(either, ENTHUSIASTIC), abs=1e-6)


def test_first_bundle_ignores_order(shipped: dict[str, Classifier]) -> None:
    backwards = " ".join(reversed(ENTHUSIASTIC.replace(".", "").split()))
    assert probability(shipped["1"], backwards) == pytest.approx(probability(shipped["1"], ENTHUSIASTIC), abs=1e-6)


def test_shipped_bundles_behave_as_their_reports_say(either: Classifier) -> None:
    """Minimum functionality, invariance and direction, on made-up texts."""
    folder = BEST if either.vocabulary.encoding.longest_term > 1 else BOOK
    recorded = json.loads((folder / "report/evaluation.json").read_text())["behaviour"]["kinds"]
    result = behaviour(lambda texts: [p.positive_probability for p in either.predict(texts)])
    assert result["kinds"] == recorded
    assert recorded["invariance"]["passed"] == recorded["invariance"]["checks"]
    assert recorded["direction"]["passed"] == recorded["direction"]["checks"]


def test_second_bundle_reads_short_texts(shipped: dict[str, Classifier]) -> None:
    assert probability(shipped["2"], "Loved it.") > 0.5
    assert probability(shipped["2"], "Not good.") < 0.5
    assert probability(shipped["2"], "I would not recommend this to anyone.") < 0.5


def test_first_vocabulary_is_that_of_the_real_reviews(shipped: dict[str, Classifier], imdb: Path) -> None:
    vocabulary = shipped["1"].vocabulary
    counted = build_vocabulary(load_archives([imdb], Progress(disable=True)), vocabulary.encoding)
    assert counted.word_index == vocabulary.word_index
    most_frequent = sorted(counted.word_index, key=lambda word: counted.word_index[word])[:20]
    assert most_frequent == (
        "the and a of to is br in it i this that was as for with movie but film on".split()  # noqa: SIM905
    )


def probabilities(classifier: Classifier, reviews: list[Review]) -> NDArray[np.float32]:
    answers = [
        prediction.positive_probability
        for start in range(0, len(reviews), 1024)
        for prediction in classifier.predict([review.text for review in reviews[start : start + 1024]])
    ]
    return np.array(answers, np.float32)


@pytest.mark.parametrize("version", ["1", "2"])
def test_shipped_metrics_come_back_from_the_real_reviews_with_every_runtime(
    shipped: dict[str, Classifier], raw: list[Review], version: str
) -> None:
    test = [review for review in raw if review.split == "test"]
    served = load_bundle(ROOT / "models/imdb" / version)
    answers = probabilities(shipped[version], test)
    assert np.abs(probabilities(open_classifier(served, "litert"), test) - answers).max() <= 1e-5
    metrics = measure(answers, labels_of(test))
    manifest = served.manifest
    assert metrics["accuracy"] == manifest.metrics["accuracy"]
    assert metrics == pytest.approx(manifest.metrics, abs=1e-5)
    assert digest_of(part for review in raw for part in review) == manifest.dataset["sha256"]


def test_real_reviews_encode_as_keras_encodes_them(raw: list[Review]) -> None:
    """Over all training reviews without typographic signs, which Keras's tokeniser does not know."""
    from keras.src.legacy.preprocessing.text import text_to_word_sequence

    odd = set(APOSTROPHES + SEPARATORS)
    counts: Counter[str] = Counter()
    compared = 0
    for review in raw:
        if review.split != "train":
            continue
        by_keras = text_to_word_sequence(review.text)
        counts.update(by_keras)
        signs = set(review.text)
        if not odd & signs and not any(sign.isspace() for sign in signs - {" ", "\t", "\n"}):
            assert tokenise(review.text) == by_keras
            compared += 1
    assert len(counts) == 88_581
    assert compared > 24_000


def test_digest_tells_lists_apart() -> None:
    assert digest_of(["ab", "c"]) != digest_of(["a", "bc"])
    assert digest_of(["a"]) == digest_of(["a"])
