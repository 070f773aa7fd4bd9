"""Sparse batches and calibration."""

import numpy as np
import pytest
from scipy import sparse

from app.evaluation.metrics import HeldOut
from training.best.corpus import Vector
from training.best.pipeline import calibrate, sparse_batches
from training.network import Batches, build, fix_seed, tf

ROWS = sparse.csr_matrix(np.triu(np.ones((40, 50), np.float32)))
TARGETS = np.arange(40, dtype=np.float32)


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
