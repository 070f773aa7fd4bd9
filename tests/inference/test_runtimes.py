"""The network gives the same answers alone, in batches and in padded ones."""

import numpy as np
import pytest

from app.inference.classifier import Classifier
from app.inference.runtimes import BATCH_SIZES


@pytest.mark.parametrize("batch", [0, 1, 3, 16, 17, 64, 65, 200])
def test_runtime_batch_of_any_size_equals_single_calls(classifier: Classifier, batch: int) -> None:
    rng = np.random.default_rng(batch)
    multi_hot = (rng.random((batch, classifier.runtime.columns)) < 0.01).astype(np.float32)
    together = classifier.runtime(multi_hot)
    assert together.shape == (batch,)
    assert together.dtype == np.float32
    alone = [classifier.runtime(row[None])[0] for row in multi_hot]
    np.testing.assert_allclose(together, np.array(alone, np.float32), atol=1e-6)


def test_batch_sizes_ascend_from_one() -> None:
    assert BATCH_SIZES[0] == 1
    assert list(BATCH_SIZES) == sorted(set(BATCH_SIZES))
