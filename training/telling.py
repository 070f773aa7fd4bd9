"""Which terms speak for a class: what the score of an otherwise empty review does when one term is added."""

import numpy as np

from app.inference.vocabulary import Row, Vocabulary
from training.calibration import log_odds
from training.network import Batches, Network, predict


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
    scores = log_odds(predict(network, Batches(vocabulary, rows, np.zeros(len(rows), np.float32), 512)))
    order = np.argsort(scores[1:] - scores[0], kind="stable")
    return {
        "positive": [terms[i] for i in order[::-1][:count]],
        "negative": [terms[i] for i in order[:count]],
    }
