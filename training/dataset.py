"""Reviews as training sees them, wherever they came from: splits of token sequences and labels."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from app.inference.vocabulary import Encoding, Vocabulary
from training.errors import SourceError

OWN = "own"
"""What the manifest calls the source of a person's own reviews."""


@dataclass(frozen=True)
class Split:
    """Some reviews and what their authors thought.

    Attributes:
        sequences: One list of tokens a review.
        labels: float32 (reviews,); 1.0 positive, 0.0 negative.
        names: What each review is called in its source.
    """

    sequences: Sequence[list[str]]
    labels: NDArray[np.float32]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, order: NDArray[np.intp]) -> "Split":
        """Pick reviews by position, in the order given."""
        return Split([self.sequences[i] for i in order], self.labels[order], [self.names[i] for i in order])


@dataclass(frozen=True)
class Dataset:
    """What every source provides.

    Attributes:
        name: Which source it was, for the manifest.
        train: The reviews to learn from, in an order that depends on their content alone.
        test: The reviews to be judged by, once.
        digest: SHA-256 over all of it: equal digests mean equal reviews in the same order.
        vocabulary: The source's own word index, or None when it is to be counted from `train`.
        unlabelled: Token sequences of reviews without labels; not every source has some.
        unlabelled_digest: SHA-256 over those, or empty.
        own: What else the manifest says of a person's own reviews; None for the IMDB reviews.
    """

    name: str
    train: Split
    test: Split
    digest: str
    vocabulary: Vocabulary | None = None
    unlabelled: Sequence[list[str]] = ()
    unlabelled_digest: str = ""
    own: Mapping[str, JsonValue] | None = None

    def __post_init__(self) -> None:
        for name, split in (("training", self.train), ("test", self.test)):
            classes = sorted(set(split.labels.tolist()))
            if classes != [0.0, 1.0]:
                kind = {(): "no", (0.0,): "only negative", (1.0,): "only positive"}[tuple(classes)]
                raise SourceError(f"{self.name}: {kind} {name} reviews; both positive and negative ones are needed")


def build_vocabulary(dataset: Dataset, encoding: Encoding) -> Vocabulary:
    """Take the source's word index, or rank the words of the training reviews by frequency.

    As in the book, a word that a single review holds gets a column too where there is room, whatever the size of the
    data set. A person's own reviews bring a word index without such words; see `shared_words`.
    """
    if dataset.vocabulary is not None:
        return dataset.vocabulary
    counts: Counter[str] = Counter()
    for tokens in dataset.train.sequences:
        counts.update(tokens)
    return Vocabulary.by_frequency(counts, encoding)


def shared_words(train: Split, encoding: Encoding) -> Vocabulary:
    """Rank the words that at least two reviews hold.

    With few reviews there is a column for every word, and one that a single review holds teaches nothing about others;
    it may be somebody's name, which has no place in a bundle.

    Raises:
        SourceError: There is no such word.
    """
    reviews = Counter(word for tokens in train.sequences for word in set(tokens))
    counts = Counter(word for tokens in train.sequences for word in tokens if reviews[word] > 1)
    if not counts:
        raise SourceError(
            "no word stands in two of the training reviews. Words are what stands between spaces and punctuation: "
            "languages that are written without spaces have to be cut into words first"
        )
    return Vocabulary.by_frequency(counts, encoding)


def shuffled(split: Split, seed: int) -> Split:
    """Mix the classes, which sources hold one after the other; the same seed gives the same order."""
    return split.take(np.random.default_rng(seed).permutation(len(split)))


def hold_out(split: Split, size: int) -> tuple[Split, Split]:
    """Set the first `size` reviews aside, as the book does for validation.

    Returns:
        The rest to train on, and the reviews set aside.

    Raises:
        SourceError: Nothing would be left to train on, or one of the parts would lack a class.
    """
    if not 0 < size < len(split):
        raise SourceError(
            f"cannot set {size} of {len(split)} training reviews aside; add reviews, or choose another --validation if "
            "you named one"
        )
    order = np.arange(len(split))
    rest, held_out = split.take(order[size:]), split.take(order[:size])
    for part in (rest, held_out):
        if len(set(part.labels.tolist())) < 2:
            raise SourceError(
                f"with {size} of {len(split)} training reviews set aside, one of the two parts holds only positive or "
                "only negative reviews; add reviews of the rarer class, or choose another seed"
            )
    return rest, held_out


def digest_of(parts: Iterable[str]) -> str:
    """Hash texts in order, with their lengths, so that no two different lists agree."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.hexdigest()
