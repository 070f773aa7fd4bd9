"""The recipe `best` as a whole, on a tiny archive, and its network."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from rich.progress import Progress
from scipy import sparse

from app.evaluation.metrics import HeldOut
from tests.corpus import files, review, write_folder
from tests.models import MODELS
from training import best
from training.archive import load_archives
from training.best.corpus import Vector, read_corpus
from training.best.pipeline import calibrate, hold_out, sparse_batches
from training.dataset import Dataset
from training.network import Batches, TrainedModel, build, fix_seed, tf

ROWS = sparse.csr_matrix(np.triu(np.ones((40, 50), np.float32)))
TARGETS = np.arange(40, dtype=np.float32)
RECIPE = replace(best.Best().scaled(120), epochs=2, batch_size=32, phrases=300, terms=200)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    rng = random.Random(1)
    members = files()
    for i in range(40):
        text = f"We saw Zorbax on Monday, and Zorbax was there. {review(rng.choice(['pos', 'neg']), rng)}"
        members[f"aclImdb/train/unsup/{i}_0.txt"] = text.encode()
    folder = write_folder(tmp_path_factory.mktemp("best"), members)
    return load_archives([folder], Progress(disable=True), best.Best.encoding, True)


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> TrainedModel:
    return best.train_model(dataset, RECIPE, Progress(disable=True))


def test_best_learns_words_and_negation_from_a_few_reviews(model: TrainedModel) -> None:
    superb, awful, not_good, not_bad = model.predict(["superb", "awful", "not a good film", "not bad at all"])
    assert superb > 0.5 > awful
    assert not_good < not_bad
    plain, marked_up = model.predict(["Awful. Boring.", "Awful.<br /><br />Boring."])
    assert plain == marked_up


def test_best_gives_no_column_to_names_and_one_to_stop_words(model: TrainedModel) -> None:
    index = model.vocabulary.word_index
    assert not [term for term in index if "zorbax" in term.split()]
    assert len({index[word] for word in ("the", "and", "of", "with")}) == 1
    assert index["not good"] == index["never good"] != index["good"]


def test_best_predicts_held_out_reviews_for_calibration(dataset: Dataset, model: TrainedModel) -> None:
    held_out, corpus = model.held_out, read_corpus(dataset, RECIPE, Progress(disable=True))
    (known, aside), (_, other) = (hold_out(corpus, RECIPE, fold) for fold in range(2))
    assert not set(aside.tolist()) & set(other.tolist())
    assert sorted([*known, *aside]) == list(range(len(corpus.labels)))
    assert len(held_out.probabilities) == RECIPE.folds * RECIPE.validation
    assert np.all((held_out.probabilities > 0) & (held_out.probabilities < 1))
    assert len(model.history["val_loss"]) == RECIPE.epochs


def test_shipped_recipe_is_recorded() -> None:
    recorded = json.loads((MODELS / "3/manifest.json").read_text())["recipe"]
    expected = best.Best()
    constants = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(expected).items()}
    constants |= {"name": "best", "final_epochs": expected.epochs}
    # It was trained before these had names; newer bundles record them, too.
    for name in ("ratio_exponent", "min_ratio", "stop_scale", "strong_weight", "teacher_iterations"):
        del constants[name]
    assert recorded == constants


def dense(batches: Batches) -> tuple[Vector, Vector]:
    rows, targets = zip(*((tf.sparse.to_dense(rows).numpy(), targets) for rows, targets in batches), strict=True)
    assert len(rows) == len(batches)
    return np.concatenate(rows), np.concatenate(targets)[:, 0]


def test_term_dropout_leaves_columns_out_and_scales_the_others() -> None:
    dropout = np.where(TARGETS < 20, 0.25, 0).astype(np.float32)
    batches = sparse_batches(ROWS, TARGETS, 16, dropout, np.random.default_rng(0))
    (one, first), (other, second) = dense(batches), dense(batches)
    assert first.tolist() != second.tolist()
    assert sorted(first) == sorted(second) == TARGETS.tolist()
    full = ROWS.toarray()
    assert np.array_equal(dense(sparse_batches(ROWS, TARGETS, 16, dropout))[0], full)  # without a generator
    for row, target in zip(one, first.astype(int), strict=True):
        values = np.unique(row[full[target] > 0])
        assert values == pytest.approx([0, 4 / 3] if target < 20 else [1])
    assert one[first < 20].sum() / full[:20].sum() == pytest.approx(1, abs=0.1)
    assert not np.array_equal(one[np.argsort(first)], other[np.argsort(second)])


def test_calibrated_network_predicts_the_calibrated_probabilities() -> None:
    fix_seed(0)
    network = build(50, (4,))
    rows = np.random.default_rng(0).random((400, 50), np.float32)
    before = network.predict_on_batch(rows)[:, 0]
    labels = (before > np.median(before)).astype(np.float32)
    labels[::5] = 1 - labels[::5]  # wrong labels, so that the scaling is finite
    words = np.ones(400, np.intp)
    after = calibrate(network, HeldOut(before, labels, words, words)).probabilities
    assert network.predict_on_batch(rows)[:, 0] == pytest.approx(after, abs=1e-6)
    assert after.mean() == pytest.approx(labels.mean(), abs=0.01)
    assert np.abs(after - before).max() > 0.1
