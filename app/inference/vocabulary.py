"""From tokens to the network's input: the word index, both ways, and multi-hot rows.

A bundle states its `Encoding`; the `Vocabulary` applies it. The book's encoding is the default one: single words,
column 1 on in every row, column 2 on when a review holds a word that has no column of its own. Encodings with longer
terms ("not good") or kept punctuation are the same code with other values.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.text import Token, locate, tokenise

UNKNOWN_WORD = "?"
"""What `Vocabulary.decode` writes for a column without a word. A token only where the encoding keeps that sign."""
END = ""
"""Stands between reviews, so that no term reaches from one into the next; no token is empty."""

ABSENT = -1
"""Where there is no column."""


@dataclass(frozen=True)
class Encoding:
    """How a review becomes a row; stated in each bundle's manifest.

    Attributes:
        columns: Width of a row.
        start_column: A column that is on in every row, or None.
        unknown_column: A column that is on when any word of the review is unknown, or None.
        first_term_column: The column of the first term; those before it are reserved.
        longest_term: The most consecutive tokens that one term may hold.
        kept_punctuation: Signs that are tokens of their own; all others separate.
    """

    columns: int = 10_000
    start_column: int | None = 1
    unknown_column: int | None = 2
    first_term_column: int = 4
    longest_term: int = 1
    kept_punctuation: str = ""


class Row(NamedTuple):
    """One review, encoded and compact.

    Attributes:
        columns: The columns that are on; int32 (occurrences,): that of each term as often as it occurs, in the order of
            the review, then the encoding's own.
        words: Tokens in the review.
        known_words: Those of them that belong to a term with a column.
    """

    columns: NDArray[np.int32]
    words: int
    known_words: int


class Occurrence(NamedTuple):
    """Where a term stands in a sequence of tokens.

    Attributes:
        term: The term.
        column: Its column.
        first: Index of its first token.
        last: Index of its last one.
    """

    term: str
    column: int
    first: int
    last: int


class Vocabulary:
    """A word index, both ways, and the encoding that goes with it.

    Args:
        word_index: Term -> column. Terms of several tokens are joined by single spaces.
        encoding: What the columns mean.

    Raises:
        ValueError: Two terms share a column, a column lies outside the row or is reserved, or a term is not what the
            tokeniser would make of it, so that it could never be found.
    """

    def __init__(self, word_index: Mapping[str, int], encoding: Encoding) -> None:
        _check(word_index, encoding)
        self.word_index = dict(word_index)
        self.encoding = encoding
        self._terms = {column: term for term, column in word_index.items()}
        self._find_terms = _TermFinder(word_index, encoding.longest_term)

    @classmethod
    def by_frequency(cls, counts: Mapping[str, int], encoding: Encoding) -> "Vocabulary":
        """Give the most frequent words the columns in order, as `keras.datasets.imdb` does.

        Args:
            counts: Word -> occurrences in the training reviews. Ties are broken alphabetically.
            encoding: Says how many columns there are and which the first word has.
        """
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        room = encoding.columns - encoding.first_term_column
        return cls({word: encoding.first_term_column + i for i, word in enumerate(ranked[:room])}, encoding)

    def __len__(self) -> int:
        """The number of terms."""
        return len(self.word_index)

    def tokenise(self, text: str) -> list[str]:
        """Split a review as this vocabulary's encoding says."""
        return tokenise(text, self.encoding.kept_punctuation)

    def locate(self, text: str) -> list[Token]:
        """Do the same, and say where the tokens are."""
        return locate(text, self.encoding.kept_punctuation)

    def encode(self, text: str) -> Row:
        """Encode a raw review; see `encode_batch`."""
        return self.encode_tokens(self.tokenise(text))

    def encode_tokens(self, tokens: Sequence[str]) -> Row:
        """Encode a review of which only the tokens are known; see `encode_batch`."""
        return self.encode_batch([tokens])[0]

    def encode_batch(self, sequences: Sequence[Sequence[str]]) -> list[Row]:
        """Find the columns of reviews.

        Args:
            sequences: What `tokenise` returns for each review; none, or empty ones, are fine.

        Returns:
            One row a review, in the same order. The cost is linear in the number of tokens, and for short reviews lower
            in a batch than one by one.
        """
        if not sequences:
            return []
        words: list[int] = []
        ends: list[int] = []  # where each review's END stands
        tokens: list[str] = []
        for sequence in sequences:
            words.append(len(sequence))
            tokens += sequence
            ends.append(len(tokens))
            tokens.append(END)
        starts = [0, *(end + 1 for end in ends[:-1])]
        found, known_tokens = self._find_terms(tokens)
        known = np.add.reduceat(known_tokens, starts, dtype=np.intp)  # (reviews,)
        if self.encoding.unknown_column is not None:
            found[0, np.array(ends)[known < words]] = self.encoding.unknown_column
        if self.encoding.start_column is not None:
            found[1, ends] = self.encoding.start_column
        flat = found.T.ravel()  # in the order of the tokens
        hits = (flat != ABSENT).nonzero()[0]
        columns = flat[hits]
        limits = [0, *hits.searchsorted([(end + 1) * len(found) for end in ends]).tolist()]
        return [
            Row(columns[limits[i] : limits[i + 1]], words[i], known_words)
            for i, known_words in enumerate(known.tolist())
        ]

    def occurrences(self, tokens: Sequence[str]) -> tuple[list[Occurrence], list[int]]:
        """Find where the terms of a review are, which `encode_batch` does not say.

        Args:
            tokens: What `tokenise` returns for the review.

        Returns:
            Every occurrence of every term, in the order of the tokens; the indices of the tokens that belong to none.
        """
        found, known = self._find_terms([*tokens, END])
        lengths, firsts = (found != ABSENT).nonzero()
        order = np.lexsort((lengths, firsts))
        occurrences = [
            Occurrence(self._terms[column], column, first, first + length)
            for column, first, length in zip(
                found[lengths, firsts][order].tolist(), firsts[order].tolist(), lengths[order].tolist(), strict=True
            )
        ]
        return occurrences, (~known[:-1]).nonzero()[0].tolist()

    def multi_hot(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Spread rows out for the network.

        Args:
            rows: Encoded reviews, one batch. A row of the result takes 4 bytes a column: 40 kB in the book's encoding.

        Returns:
            float32 (len(rows), columns); 1.0 in the columns that are on, else 0.0.
        """
        matrix = np.zeros((len(rows), self.encoding.columns), np.float32)  # (batch, columns)
        for line, row in zip(matrix, rows, strict=True):
            line[row.columns] = 1.0
        return matrix

    def sequence(self, tokens: Iterable[str]) -> list[int]:
        """Encode tokens in order, as `keras.datasets.imdb.load_data` presents a review (single words only).

        Returns:
            The start column, then the column of each token or the unknown column.
        """
        unknown = [] if self.encoding.unknown_column is None else [self.encoding.unknown_column]
        columns = [] if self.encoding.start_column is None else [self.encoding.start_column]
        for token in tokens:
            known = self.word_index.get(token)
            columns += unknown if known is None else [known]
        return columns

    def decode(self, columns: Iterable[int]) -> str:
        """Turn columns back into words, as the book's listing 3.3 does.

        Args:
            columns: In the order of the review; what `sequence` returns.

        Returns:
            The words, separated by spaces; `?` for a column that has none (start and unknown among them).
        """
        return " ".join(self._terms.get(column, UNKNOWN_WORD) for column in columns)


class _TermFinder:
    """Finds the terms in token sequences with a handful of array operations, however many tokens there are.

    Each token becomes a number. Longer terms are kept as a trie, one table a length (a double array, Aoe 1989): the
    child of a prefix for a token stands in the slot that is the prefix's base plus the token's number, if that slot's
    parent is the prefix.

    Args:
        word_index: Term -> column.
        longest: The most tokens that a term holds.
    """

    def __init__(self, word_index: Mapping[str, int], longest: int) -> None:
        terms = {tuple(term.split(" ")): column for term, column in word_index.items()}
        tokens = sorted({token for term in terms for token in term})
        self._numbers = {token: number for number, token in enumerate(tokens, 1)}  # 0: a token of no term
        self._first = np.full(len(tokens) + 1, ABSENT, np.int32)  # (numbers,): the column of the term of one token
        self._goes_on = np.zeros(len(tokens) + 1, np.bool_)  # (numbers,): whether a longer term begins so
        for term, column in terms.items():
            if len(term) == 1:
                self._first[self._numbers[term[0]]] = column
            else:
                self._goes_on[self._numbers[term[0]]] = True
        self._longer: list[_Level] = []
        slots: dict[tuple[str, ...], int] = {(token,): number for token, number in self._numbers.items()}
        size = len(self._first)
        for length in range(2, longest + 1):
            children: defaultdict[int, list[int]] = defaultdict(list)
            prefixes = sorted({term[:length] for term in terms if len(term) >= length})
            for prefix in prefixes:
                children[slots[prefix[:-1]]].append(self._numbers[prefix[-1]])
            base, parent = _place(children, size, len(self._first))
            bases = base.tolist()
            slots = {prefix: bases[slots[prefix[:-1]]] + self._numbers[prefix[-1]] for prefix in prefixes}
            columns = np.full(len(parent), ABSENT, np.int32)
            for prefix, slot in slots.items():
                columns[slot] = terms.get(prefix, ABSENT)
            self._longer.append(_Level(base, parent, columns))
            size = len(parent)
        self._width = max(longest, 2)

    def __call__(self, tokens: list[str]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Find every occurrence of every term.

        Args:
            tokens: Of any number of reviews, END after each.

        Returns:
            int32 (longest term, at least 2; len(tokens)): the column of the term of length 1, 2, … that starts at a
            token, or ABSENT; bool (len(tokens),): whether a token belongs to any term.
        """
        numbers = np.fromiter(map(self._numbers.get, tokens, repeat(0)), np.intp, len(tokens))
        found = np.empty((self._width, len(tokens)), np.int32)
        found.fill(ABSENT)
        found[0] = self._first[numbers]
        # Where prefixes start that go on, and their slots; none goes on past END, which is a token of no term.
        places = self._goes_on[numbers].nonzero()[0]
        prefixes = numbers[places]
        for length, level in enumerate(self._longer, 1):
            slots = level.base[prefixes] + numbers[places + length]
            right = (level.parent[slots] == prefixes).nonzero()[0]
            places, prefixes = places[right], slots[right]
            found[length, places] = level.columns[prefixes]
        begins = found != ABSENT
        for length in range(self._width - 1, 0, -1):
            begins[length - 1] |= begins[length]  # (now: whether a term of this length or a longer one starts here)
        known = begins[0]
        for length in range(1, self._width):
            known[length:] |= begins[length, : max(len(known) - length, 0)]
        return found, known


class _Level(NamedTuple):
    """The prefixes of one length; see `_TermFinder`.

    Attributes:
        base: intp (slots of the prefixes one token shorter,).
        parent: intp (slots,): the slot of the prefix one token shorter, or ABSENT.
        columns: int32 (slots,): the column of the prefix where it is a term, else ABSENT.
    """

    base: NDArray[np.intp]
    parent: NDArray[np.intp]
    columns: NDArray[np.int32]


def _place(
    children: Mapping[int, Sequence[int]], parents: int, numbers: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose bases so that no two children share a slot; see `_Level`.

    Those with many children choose first. Tables are sparse, so that a random base soon fits.
    """
    room = 4 * sum(map(len, children.values())) + 1
    base = np.zeros(parents, np.intp)
    parent = np.full(room + numbers, ABSENT, np.intp)
    random = np.random.default_rng(0)
    for prefix, tokens in sorted(children.items(), key=lambda item: -len(item[1])):
        slots = np.array(tokens)
        while (parent[slots] != ABSENT).any():
            base[prefix] = random.integers(room)
            slots = base[prefix] + tokens
        parent[slots] = prefix
    return base, parent


def _check(word_index: Mapping[str, int], encoding: Encoding) -> None:
    if len(set(word_index.values())) != len(word_index):
        raise ValueError("two terms share a column")
    for term, column in word_index.items():
        if not encoding.first_term_column <= column < encoding.columns:
            raise ValueError(
                f"the term {term!r} has column {column}, outside {encoding.first_term_column} to {encoding.columns - 1}"
            )
        tokens = tokenise(term, encoding.kept_punctuation)
        if " ".join(tokens) != term or not 1 <= len(tokens) <= encoding.longest_term:
            raise ValueError(f"the term {term!r} could never be found in a review")
