"""The IMDB reviews as Keras packages them, read exactly as the book reads them (listings 3.1 to 3.3).

Keras delivers sequences of ids. They are turned back into words here, so that what follows is the same for both
sources, and so is the bundle: it serves raw text.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.inference.runtimes import import_tensorflow
from app.inference.text import tokenise
from app.inference.vocabulary import Encoding, Vocabulary
from training.dataset import Dataset, Split, digest_of
from training.errors import SourceError

START, UNKNOWN, OFFSET = 1, 2, 3
"""What `load_data` prepends, what it puts for a word beyond `num_words`, and how far ids are above ranks."""

UNKNOWN_WORD = "?"
"""Stands for a word that Keras leaves out."""


def load_keras(encoding: Encoding) -> Dataset:
    """Load `keras.datasets.imdb`, which Keras downloads once and keeps.

    Args:
        encoding: The book's, with any number of columns: ids are columns.

    Raises:
        SourceError: Keras cannot download the files, or the encoding is for more than words.
    """
    if UNKNOWN_WORD in encoding.kept_punctuation:
        raise SourceError(
            f"in Keras's reviews {UNKNOWN_WORD!r} stands for a word that is not told, so it cannot be kept"
        )
    import_tensorflow()  # first, so that its notices are silenced
    from keras.datasets import imdb

    try:
        (train, train_labels), (test, test_labels) = imdb.load_data(
            num_words=encoding.columns, start_char=START, oov_char=UNKNOWN, index_from=OFFSET
        )
        ranks: dict[str, int] = imdb.get_word_index()
    except Exception as error:  # get_file raises bare Exception for a failed download
        raise SourceError(
            f"Keras cannot download its IMDB data ({error}). Without network, train from a local copy of the reviews: "
            "python -m training --dataset aclImdb_v1.tar.gz"
        ) from error
    # A few of Keras's words are what our tokeniser splits or drops (“it–was” is one word to Keras). They are read as
    # the tokeniser would read them, and get no column of their own, since no review could ever show them.
    words = {rank + OFFSET: tokenise(word) for word, rank in ranks.items()}
    word_index = {
        word: rank + OFFSET
        for word, rank in ranks.items()
        if rank + OFFSET < encoding.columns and words[rank + OFFSET] == [word]
    }
    return Dataset(
        "keras.datasets.imdb",
        _split(train, train_labels, words),
        _split(test, test_labels, words),
        digest_of(
            " ".join(map(str, [label, *ids]))
            for split, labels in ((train, train_labels), (test, test_labels))
            for ids, label in zip(split, labels, strict=True)
        ),
        Vocabulary(word_index, encoding),
    )


def _split(ids: Iterable[list[int]], labels: NDArray[np.int64], words: dict[int, list[str]]) -> Split:
    unknown = [UNKNOWN_WORD]
    sequences = [[token for id_ in review if id_ != START for token in words.get(id_, unknown)] for review in ids]
    return Split(sequences, labels.astype(np.float32), [f"{i}" for i in range(len(sequences))])
