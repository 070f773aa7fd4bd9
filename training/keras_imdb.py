"""The IMDB reviews as Keras packages them, read as the book reads them (listings 3.1 to 3.3).

Keras delivers sequences of ids. They are turned back into words here, because a bundle serves raw text.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.model.runtimes import import_tensorflow
from app.model.text import tokenise
from app.model.vocabulary import Encoding, Vocabulary
from training.dataset import Dataset, Split, digest_of
from training.errors import TrainingError

START, UNKNOWN, OFFSET = 1, 2, 3
"""The id that `load_data` prepends, the id of every word beyond `num_words`, and the difference of ids and ranks."""
UNKNOWN_WORD = "?"
"""Stands for every word beyond `num_words`; the book's encoding has no column for it."""


def load_keras(encoding: Encoding) -> Dataset:
    """Load `keras.datasets.imdb`, which Keras downloads once; its ids are the columns of the book's encoding.

    Raises:
        TrainingError: Keras cannot download the files.
    """
    import_tensorflow()  # first, because it silences TensorFlow
    from keras.datasets import imdb

    try:
        (train, train_labels), (test, test_labels) = imdb.load_data(
            num_words=encoding.columns, start_char=START, oov_char=UNKNOWN, index_from=OFFSET
        )
        ranks: dict[str, int] = imdb.get_word_index()
    except Exception as error:  # get_file raises bare Exception for a failed download
        raise TrainingError(
            f"Keras cannot download its IMDB data ({error}). Without network, train from a local copy of the reviews: "
            "python -m training --dataset aclImdb_v1.tar.gz"
        ) from error
    # Our tokeniser splits or drops a few of Keras's words (“it–was” is one word to Keras). They get no column, because
    # no review could contain them.
    words = {rank + OFFSET: tokenise(word) for word, rank in ranks.items()}
    word_index = {
        word: rank + OFFSET
        for word, rank in ranks.items()
        if rank + OFFSET < encoding.columns and words[rank + OFFSET] == [word]
    }
    digest = digest_of(
        " ".join(map(str, [label, *ids]))
        for split, labels in ((train, train_labels), (test, test_labels))
        for ids, label in zip(split, labels, strict=True)
    )
    splits = _split(train, train_labels, words), _split(test, test_labels, words)
    return Dataset("keras.datasets.imdb", *splits, digest, Vocabulary(word_index, encoding))


def _split(ids: Iterable[list[int]], labels: NDArray[np.int64], words: dict[int, list[str]]) -> Split:
    unknown = [UNKNOWN_WORD]
    sequences = [[token for id_ in review if id_ != START for token in words.get(id_, unknown)] for review in ids]
    return Split(sequences, labels.astype(np.float32), list(map(str, range(len(sequences)))))
