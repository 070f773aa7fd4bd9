"""Candidate terms and where they occur: sparse matrices over every run of one to a few tokens.

Tokens are numbered, runs of tokens become one integer each, and everything is counted by sorting: some 750,000 terms of
75,000 reviews in half a minute.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Matrix: TypeAlias = sparse.csr_matrix
"""float32 (reviews, terms); 1.0 where a term occurs in a review."""


@dataclass(frozen=True)
class Tokens:
    """Reviews as numbers.

    Attributes:
        ids: int64 (tokens,), all reviews one after the other.
        review: int64 (tokens,), which review a token belongs to.
        reviews: How many there are.
    """

    ids: NDArray[np.int64]
    review: NDArray[np.int64]
    reviews: int


class Terms:
    """Every term of up to `longest` tokens that occurs in at least `rarest` of some reviews.

    Args:
        parts: Collections of token sequences to count in.
        longest: Tokens a term at most.
        rarest: Reviews that a term must occur in.
    """

    def __init__(self, parts: Iterable[Sequence[list[str]]], longest: int, rarest: int) -> None:
        self._numbers: dict[str, int] = {}
        numbered = [self._number(part) for part in parts]
        self._base = len(self._numbers)
        self._keys = [self._frequent(numbered, length, rarest) for length in range(1, longest + 1)]

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def matrix(self, sequences: Sequence[list[str]]) -> Matrix:
        """Find the terms in reviews."""
        tokens = self._number(sequences, grow=False)
        rows, columns = [], []
        start = 0
        for length, keys in enumerate(self._keys, 1):
            if not len(keys):
                continue
            key, review = self._runs(tokens, length)
            place = np.searchsorted(keys, key).clip(max=len(keys) - 1)
            found = keys[place] == key
            rows.append(review[found].astype(np.int32))
            columns.append((place[found] + start).astype(np.int32))
            start += len(keys)
        row, column = np.concatenate(rows or [[]]), np.concatenate(columns or [[]])
        matrix = Matrix((np.ones(len(row), np.float32), (row, column)), shape=(tokens.reviews, len(self)))
        matrix.data[:] = 1.0  # a term that occurs twice was summed
        return matrix

    def names(self, chosen: NDArray[np.intp]) -> list[str]:
        """Spell terms out, given their columns in the matrix."""
        words = list(self._numbers)
        lengths = np.concatenate([np.full(len(keys), length) for length, keys in enumerate(self._keys, 1)])
        keys = np.concatenate(self._keys)
        return [" ".join(self._spell(int(keys[i]), int(lengths[i]), words)) for i in chosen]

    def _spell(self, key: int, length: int, words: list[str]) -> Iterator[str]:
        for position in reversed(range(length)):
            yield words[key // self._base**position % self._base]

    def _number(self, sequences: Sequence[list[str]], grow: bool = True) -> Tokens:
        numbers = self._numbers
        if grow:
            ids = [numbers.setdefault(token, len(numbers)) for tokens in sequences for token in tokens]
        else:
            ids = [numbers.get(token, -1) for tokens in sequences for token in tokens]
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        return Tokens(np.array(ids, np.int64), np.repeat(np.arange(len(sequences)), lengths), len(sequences))

    def _runs(self, tokens: Tokens, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """One integer a run of `length` tokens within a review, and the review it is in."""
        ids, review = tokens.ids, tokens.review
        count = max(len(ids) - length + 1, 0)
        whole = review[:count] == review[length - 1 :]
        key = np.zeros(count, np.int64)
        for offset in range(length):
            part = ids[offset : offset + count]
            key = key * self._base + part
            whole &= part >= 0
        return key[whole], review[:count][whole]

    def _frequent(self, parts: list[Tokens], length: int, rarest: int) -> NDArray[np.int64]:
        distinct = []
        for tokens in parts:
            key, review = self._runs(tokens, length)
            order = np.lexsort((key, review))
            key, review = key[order], review[order]
            first = np.ones(len(key), bool)
            first[1:] = (key[1:] != key[:-1]) | (review[1:] != review[:-1])
            distinct.append(key[first])
        keys, reviews = np.unique(np.concatenate(distinct), return_counts=True)
        return keys[reviews >= rarest]
