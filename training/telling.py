"""Which terms speak for a class: what the score of an otherwise empty review does when one term is added."""

import numpy as np

from app.inference.vocabulary import Row, Vocabulary
from training.calibration import log_odds
from training.network import Batches, Network, predict
from training.procedure import EVALUATION_BATCH


def telling_terms(network: Network, vocabulary: Vocabulary, count: int = 20) -> dict[str, list[str]]:
    """The terms that move the log-odds most by themselves, strongest first.

    Args:
        network: A trained network.
        vocabulary: What its columns mean.
        count: Terms a class.
    """
    base = vocabulary.encode("").columns
    terms = list(vocabulary.word_index)
    rows = [Row(base, 0, 0)]
    rows += [Row(np.append(base, np.int32(column)), 1, 1) for column in vocabulary.word_index.values()]
    labels = np.zeros(len(rows), np.float32)  # batches carry some; nobody looks at them
    scores = log_odds(predict(network, Batches(vocabulary, rows, labels, EVALUATION_BATCH)))
    order = np.argsort(scores[1:] - scores[0], kind="stable")
    return {
        "positive": [terms[i] for i in order[::-1][:count]],
        "negative": [terms[i] for i in order[:count]],
    }
