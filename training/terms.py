"""Candidate terms and where they occur: sparse matrices over every run of one to a few tokens.

Tokens are numbered, runs of tokens become one integer each, and everything is counted by sorting: some 750,000 terms of
75,000 reviews in half a minute.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Matrix: TypeAlias = sparse.csr_matrix
"""float32 (reviews, terms); 1.0 where a term occurs in a review."""

CHUNK = 5_000
"""Reviews numbered and sorted at a time, to bound memory."""

UNSEEN = -1
"""The number of tokens that were not counted."""


class Terms:
    """Every term of up to `longest` tokens that occurs in at least `rarest` of some reviews.

    Args:
        sequences: The reviews to count in, as tokens.
        longest: Tokens a term at most.
        rarest: Reviews that a term must occur in.
    """

    def __init__(self, sequences: Sequence[list[str]], longest: int, rarest: int) -> None:
        self._numbers: dict[str, int] = {}
        for tokens in sequences:
            for token in tokens:
                self._numbers.setdefault(token, len(self._numbers))
        self._keys = [self._frequent(sequences, length, rarest) for length in range(1, longest + 1)]

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def matrix(self, sequences: Sequence[list[str]]) -> Matrix:
        """Find the terms in reviews."""
        parts = [self._matrix_of(part) for part in _chunks(sequences)]
        return sparse.vstack(parts, format="csr") if parts else Matrix((0, len(self)), dtype=np.float32)

    def names(self, chosen: NDArray[np.intp]) -> list[str]:
        """Spell terms out, given their columns in the matrix."""
        words = list(self._numbers)
        lengths = np.concatenate([np.full(len(keys), length) for length, keys in enumerate(self._keys, 1)])
        keys = np.concatenate(self._keys)
        return [" ".join(self._spell(int(keys[i]), int(lengths[i]), words)) for i in chosen]

    def _spell(self, key: int, length: int, words: list[str]) -> Iterator[str]:
        base = len(words)
        for position in reversed(range(length)):
            yield words[key // base**position % base]

    def _matrix_of(self, sequences: Sequence[list[str]]) -> Matrix:
        rows: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        columns: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        start = 0
        for length, keys in enumerate(self._keys, 1):
            if len(keys):
                key, review = self._distinct(sequences, length)
                place = np.searchsorted(keys, key).clip(max=len(keys) - 1)
                found = keys[place] == key
                rows.append(review[found])
                columns.append(place[found] + start)
            start += len(keys)
        row, column = np.concatenate(rows), np.concatenate(columns)
        return Matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(sequences), len(self)))

    def _frequent(self, sequences: Sequence[list[str]], length: int, rarest: int) -> NDArray[np.int64]:
        distinct = [self._distinct(part, length)[0] for part in _chunks(sequences)]
        keys, reviews = np.unique(np.concatenate([np.zeros(0, np.int64), *distinct]), return_counts=True)
        return keys[reviews >= rarest]

    def _distinct(self, sequences: Sequence[list[str]], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """One integer for each run of `length` tokens, once a review, and the review that it is in."""
        numbers = self._numbers
        ids = np.array([numbers.get(token, UNSEEN) for tokens in sequences for token in tokens], np.int64)
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        review = np.repeat(np.arange(len(sequences)), lengths)
        count = max(len(ids) - length + 1, 0)
        whole = review[:count] == review[length - 1 :]  # the run does not reach into the next review
        key = np.zeros(count, np.int64)
        for offset in range(length):
            part = ids[offset : offset + count]
            key = key * len(numbers) + part
            whole &= part != UNSEEN
        key, review = key[whole], review[:count][whole]
        order = np.lexsort((key, review))
        key, review = key[order], review[order]
        first = np.ones(len(key), np.bool_)
        first[1:] = (key[1:] != key[:-1]) | (review[1:] != review[:-1])
        return key[first], review[first]


def _chunks(sequences: Sequence[list[str]]) -> Iterable[Sequence[list[str]]]:
    return (sequences[start : start + CHUNK] for start in range(0, len(sequences), CHUNK))
