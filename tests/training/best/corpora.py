"""Tiny corpora for the parts of the recipe `best`."""

from collections.abc import Sequence

import numpy as np
from rich.progress import Progress

from training.best.corpus import Corpus, read_corpus
from training.best.recipe import Best
from training.dataset import Dataset, Split, tokens_of

RECIPE = Best(min_sentences=1, phrases=0)


def corpus_of(texts: Sequence[str], labels: Sequence[int], unlabelled: Sequence[str] = ()) -> Corpus:
    """A corpus with every term of these texts, except names."""
    sequences = [tokens_of(text, Best.encoding) for text in texts]
    split = Split(sequences, np.array(labels, np.float32), list(map(str, range(len(texts)))), texts)
    dataset = Dataset("tiny", split, split, "", unlabelled=unlabelled)
    return read_corpus(dataset, RECIPE, Progress(disable=True))
