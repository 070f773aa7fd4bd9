"""Labelled reviews, whatever their source: a training set and a test set."""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from app.model.text import tokenise
from app.model.vocabulary import MAX_TERM_BYTES, Encoding, Vocabulary
from training.errors import TrainingError

OWN = "own"
"""The manifest's name for the source of a user's own reviews."""
MIN_OWN = 10
"""Training reviews per class; with fewer of a user's own, there is nothing to try."""


class Review(NamedTuple):
    """A raw review. Reviews sort by split, sentiment and name, so their order does not depend on the source's."""

    split: str  # "train" or "test"
    sentiment: str  # "pos" or "neg"; "unsup" for a review without a label
    name: str  # in its source
    text: str


@dataclass(frozen=True)
class Split:
    """Labelled reviews, for training or for testing."""

    sequences: Sequence[list[str]]  # the tokens of each review
    labels: NDArray[np.float32]  # (reviews,); 1.0 positive, 0.0 negative
    names: Sequence[str]  # in their source
    texts: Sequence[str] | None = None  # None if the source has only words

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, order: NDArray[np.intp]) -> "Split":
        """Select reviews by position, in the given order."""
        sequences, names = [self.sequences[i] for i in order], [self.names[i] for i in order]
        return Split(sequences, self.labels[order], names, self.texts and [self.texts[i] for i in order])


@dataclass(frozen=True)
class Dataset:
    """What every source provides; the order of the reviews depends only on their content."""

    name: str  # the source, for the manifest
    train: Split
    test: Split
    digest: str  # SHA-256 of both
    vocabulary: Vocabulary | None = None  # the source's own; if None, the recipe counts the words of `train`
    min_reviews: int = 1  # training reviews that must contain a word for it to get a column
    unlabelled: Sequence[str] = ()  # raw reviews without labels
    unlabelled_digest: str = ""
    own: Mapping[str, JsonValue] | None = None  # facts for the manifest; None for the IMDB reviews
    notices: Sequence[str] = ()  # what a user should know before trusting the result

    @property
    def kind(self) -> str:
        """What the reviews are, for the promise about certain predictions."""
        return "IMDB reviews" if self.own is None else "reviews like those it was trained on"

    def check(self) -> "Dataset":
        """Return the data set if there are enough reviews of both classes to train and to test.

        Raises:
            TrainingError: There are not.
        """
        for split, name, minimum in ((self.train, "training", MIN_OWN if self.own else 1), (self.test, "test", 1)):
            for label, sentiment in ((1, "positive"), (0, "negative")):
                if (found := int(np.sum(split.labels == label))) < minimum:
                    raise TrainingError(
                        f"{self.name}: {found} {sentiment} {name} reviews, but at least {minimum} are needed, and "
                        "hundreds to learn anything: add more"
                    )
        return self


def has_both_classes(labels: NDArray[np.float32]) -> bool:
    """Whether there are positive and negative reviews."""
    return set(labels.tolist()) == {0.0, 1.0}


def split_of(reviews: Sequence[Review], split: str, encoding: Encoding) -> Split:
    """Tokenise the labelled reviews of one split."""
    chosen = [review for review in reviews if review.split == split and review.sentiment != "unsup"]
    sequences = [tokens_of(review.text, encoding) for review in chosen]
    return Split(sequences, labels_of(chosen), [each.name for each in chosen], [each.text for each in chosen])


def tokens_of(text: str, encoding: Encoding) -> list[str]:
    """Split a review into tokens, one object per distinct word: 23 million tokens are only some 170,000 words."""
    return list(map(sys.intern, tokenise(text, encoding.kept_punctuation, encoding.markup)))


def labels_of(reviews: Sequence[Review]) -> NDArray[np.float32]:
    """1.0 for positive reviews, 0.0 for negative ones; float32 (reviews,)."""
    return np.array([review.sentiment == "pos" for review in reviews], np.float32)


def build_vocabulary(dataset: Dataset, encoding: Encoding) -> Vocabulary:
    """Use the source's word index, or rank the words of the training set by frequency.

    Raises:
        TrainingError: No word occurs in `min_reviews` reviews.
    """
    if dataset.vocabulary is not None:
        return dataset.vocabulary
    counts = Counter(chain.from_iterable(dataset.train.sequences))
    reviews = Counter(chain.from_iterable(map(set, dataset.train.sequences)))
    frequent = (word for word in counts if reviews[word] >= dataset.min_reviews)
    counts = Counter({word: counts[word] for word in frequent if len(word.encode()) <= MAX_TERM_BYTES})
    if not counts:
        raise TrainingError(
            f"no word occurs in {dataset.min_reviews} training reviews. Words are separated by spaces and punctuation: "
            "in languages that are written without spaces, split the texts into words first"
        )
    # The most frequent word has the first column, as in `keras.datasets.imdb`; ties are broken alphabetically.
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    columns = range(encoding.first_term_column, encoding.columns)
    return Vocabulary(dict(zip(ranked, columns, strict=False)), encoding)


def shuffled(split: Split, seed: int) -> Split:
    """Mix the classes, which sources list one after the other; the same seed gives the same order."""
    return split.take(np.random.default_rng(seed).permutation(len(split)))


def hold_out(split: Split, size: int) -> tuple[Split, Split]:
    """Split off the first `size` reviews, as the book does for validation; returns the rest, and them.

    Raises:
        TrainingError: Nothing would be left to train on, or one of the parts would lack a class.
    """
    if not 0 < size < len(split):
        raise TrainingError(
            f"cannot hold out {size} of {len(split)} training reviews; add reviews, or choose another --validation"
        )
    order = np.arange(len(split))
    rest, held_out = split.take(order[size:]), split.take(order[:size])
    check_parts(rest.labels, held_out.labels)
    return rest, held_out


def check_parts(rest: NDArray[np.float32], held_out: NDArray[np.float32]) -> None:
    """Check the labels of the reviews to train on and of those held out.

    Raises:
        TrainingError: One of the two parts lacks a class.
    """
    if not (has_both_classes(rest) and has_both_classes(held_out)):
        raise TrainingError(
            f"with {len(held_out)} of {len(rest) + len(held_out)} training reviews held out, one of the two parts has "
            "only positive or only negative reviews; add reviews of the rarer class, or choose another --seed"
        )


def read_sentences(path: Path, encoding: Encoding) -> Split:
    """Read rated sentences, which are only evaluated: one `rating<TAB>sentence` per line, positive above 0.

    Raises:
        TrainingError: The file cannot be read, a line has another form, or a class is missing.
    """
    reviews = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            rating, _, sentence = line.partition("\t")
            if not sentence.strip():
                raise ValueError(f"line {number} is not a rating, a tab and a sentence")
            reviews.append(Review("test", "pos" if float(rating) > 0 else "neg", f"{path.name}:{number}", sentence))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read as rated sentences ({error})") from error
    split = split_of(reviews, "test", encoding)
    if not has_both_classes(split.labels):
        raise TrainingError(f"{path}: both positive and negative sentences are needed")
    return split


def digest_of(parts: Iterable[str]) -> str:
    """Hash texts in order, with their lengths, so that different lists have different digests."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.hexdigest()
