"""The vocabulary: from tokens to the network's input, multi-hot rows.

A bundle states its `Encoding`; the `Vocabulary` applies it. The default is the book's encoding: single words, column 1
always on, column 2 on if a review contains an unknown word. Encodings with longer terms ("not good") or kept
punctuation use the same code with other values.

Cost of finding terms: 54 us per review one at a time, 24 us in batches of 16 (docs/explanation/performance.md).
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.text import Markup, Token, locate, tokenise

END = ""
"""Separates reviews, so that no term extends from one into the next; no token is empty."""

ABSENT = -1
"""Marks the absence of a column."""

CHECKED_TOGETHER = 1000
"""Terms that are checked in one go; all at once would leave 20 MB of fragmented memory."""


@dataclass(frozen=True)
class Encoding:
    """How a review becomes a row; stated in each bundle's manifest.

    Attributes:
        columns: Width of a row.
        start_column: A column that is on in every row, or None.
        unknown_column: A column that is on if any word of the review is unknown, or None.
        first_term_column: The column of the first term; those before it are reserved.
        longest_term: Maximum number of consecutive tokens in a term.
        kept_punctuation: Punctuation marks that are tokens; all others are separators.
        markup: Whether HTML tags such as `<br />` are text, like any other, or separators.
    """

    columns: int = 10_000
    start_column: int | None = 1
    unknown_column: int | None = 2
    first_term_column: int = 4
    longest_term: int = 1
    kept_punctuation: str = ""
    markup: Markup = "text"


class Row(NamedTuple):
    """One encoded review.

    Attributes:
        columns: int32 (occurrences,): the columns that are on: each term's column as often as it occurs, in the order
            of the review, then the encoding's own columns.
        words: Number of tokens.
        known_words: Number of tokens that belong to a term.
    """

    columns: NDArray[np.int32]
    words: int
    known_words: int


class Occurrence(NamedTuple):
    """An occurrence of a term in a sequence of tokens.

    Attributes:
        term: The term.
        column: Its column.
        first: Index of its first token.
        last: Index of its last token.
    """

    term: str
    column: int
    first: int
    last: int


class Vocabulary:
    """A word index with its encoding.

    Args:
        word_index: Term -> column; several terms may share one. Tokens of a term are joined by single spaces.
        encoding: How reviews become rows.

    Raises:
        ValueError: A column is outside the row or reserved, or a term is not in the form that the tokeniser
            produces, so that it could never be found.
    """

    def __init__(self, word_index: Mapping[str, int], encoding: Encoding) -> None:
        _check(word_index, encoding)
        self.encoding = encoding
        self._find_terms = _TermFinder(word_index, encoding.longest_term)

    @classmethod
    def by_frequency(cls, counts: Mapping[str, int], encoding: Encoding) -> "Vocabulary":
        """Assign the columns to the most frequent words in order, as `keras.datasets.imdb` does.

        Args:
            counts: Word -> occurrences in the training reviews. Ties are broken alphabetically.
            encoding: Provides the number of columns and the column of the first word.
        """
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        room = encoding.columns - encoding.first_term_column
        return cls({word: encoding.first_term_column + i for i, word in enumerate(ranked[:room])}, encoding)

    def __len__(self) -> int:
        """The number of terms."""
        return len(self._find_terms)

    @cached_property
    def word_index(self) -> dict[str, int]:
        """Term -> column; made when it is needed, since serving does not need its 13 MB for 100,000 terms."""
        return self._find_terms.word_index()

    def tokenise(self, text: str) -> list[str]:
        """Split a review into tokens."""
        return tokenise(text, self.encoding.kept_punctuation, self.encoding.markup)

    def locate(self, text: str) -> list[Token]:
        """Split a review into tokens with their positions."""
        return locate(text, self.encoding.kept_punctuation, self.encoding.markup)

    def encode(self, text: str) -> Row:
        """Encode one raw review; see `encode_batch`."""
        return self.encode_tokens(self.tokenise(text))

    def encode_tokens(self, tokens: Sequence[str]) -> Row:
        """Encode the tokens of one review; see `encode_batch`."""
        return self.encode_batch([tokens])[0]

    def encode_batch(self, sequences: Sequence[Sequence[str]]) -> list[Row]:
        """Find the columns of reviews.

        Args:
            sequences: What `tokenise` returns for each review; may be empty, and contain empty ones.

        Returns:
            One row per review, in the same order. The cost is linear in the number of tokens.
        """
        if not sequences:
            return []
        words: list[int] = []
        ends: list[int] = []  # the index of each review's END
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
        """Find every occurrence of every term in a review.

        Args:
            tokens: What `tokenise` returns for the review.

        Returns:
            The occurrences, in the order of the tokens, and the indices of the tokens that belong to none.
        """
        found, known = self._find_terms([*tokens, END])
        lengths, firsts = (found != ABSENT).nonzero()
        order = np.lexsort((lengths, firsts))
        occurrences = [
            Occurrence(" ".join(tokens[first : first + length + 1]), column, first, first + length)
            for column, first, length in zip(
                found[lengths, firsts][order].tolist(), firsts[order].tolist(), lengths[order].tolist(), strict=True
            )
        ]
        return occurrences, (~known[:-1]).nonzero()[0].tolist()

    def multi_hot(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Build the network's input.

        Args:
            rows: Encoded reviews, one batch. Each takes 4 bytes per column, 40 kB in the book's encoding.

        Returns:
            float32 (len(rows), columns); 1.0 in the columns that are on, else 0.0.
        """
        matrix = np.zeros((len(rows), self.encoding.columns), np.float32)  # (batch, columns)
        for line, row in zip(matrix, rows, strict=True):
            line[row.columns] = 1.0
        return matrix

    def sequence(self, tokens: Iterable[str]) -> list[int]:
        """Encode tokens in order, as `keras.datasets.imdb.load_data` returns a review (single words only).

        Returns:
            The start column, then the column of each token or the unknown column.
        """
        unknown = [] if self.encoding.unknown_column is None else [self.encoding.unknown_column]
        columns = [] if self.encoding.start_column is None else [self.encoding.start_column]
        for token in tokens:
            known = self.word_index.get(token)
            columns += unknown if known is None else [known]
        return columns


class _TermFinder:
    """Finds terms in token sequences with a handful of array operations, however many tokens there are.

    Tokens are numbered, and so are the prefixes of longer terms ("not", "not a", "not a good"). A table maps a prefix
    and the token after it to the longer prefix; so terms of several tokens are found one token at a time, at all
    positions of a batch at once.

    Args:
        word_index: Term -> column.
        longest: Maximum tokens per term.
    """

    def __init__(self, word_index: Mapping[str, int], longest: int) -> None:
        # Array operations over all terms at once: 100,000 terms would take half a second one by one.
        lengths = np.fromiter((term.count(" ") + 1 for term in word_index), np.intp, len(word_index))  # (terms,)
        numbers, self._numbers = _number_words(word_index, int(lengths.sum()))
        starts = lengths.cumsum() - lengths  # (terms,), the index of each term's first word
        prefix_of = numbers[starts]  # (terms,), the number of the part of each term that was read so far
        prefixes = len(self._numbers) + 1
        keys = np.zeros(0, np.uint64)  # prefix << 32 | next word, for each longer prefix in order
        for length in range(1, longest):
            longer = (lengths > length).nonzero()[0]
            key = prefix_of[longer] << 32 | numbers[starts[longer] + length]
            distinct, place = np.unique(key, return_inverse=True)
            prefix_of[longer] = prefixes + place
            prefixes += len(distinct)
            keys = np.concatenate([keys, distinct.astype(np.uint64)])
        self._children = _CuckooTable(keys, np.arange(prefixes - len(keys), prefixes, dtype=np.int32))
        self._columns = np.full(prefixes, ABSENT, np.int32)  # (prefixes,): the column of a prefix that is a term
        self._columns[prefix_of] = np.fromiter(word_index.values(), np.int32, len(word_index))
        self._has_children = np.zeros(prefixes, np.bool_)  # (prefixes,): whether a longer term starts with it
        self._has_children[(keys >> np.uint64(32)).astype(np.intp)] = True
        self._keys = keys
        self._longest = longest

    def __len__(self) -> int:
        """The number of terms."""
        return int((self._columns != ABSENT).sum())

    def word_index(self) -> dict[str, int]:
        """Spell the terms out again."""
        words = ["", *self._numbers]
        prefixes = words.copy()
        for key in self._keys.tolist():
            prefixes.append(f"{prefixes[key >> 32]} {words[key & 0xFFFFFFFF]}")
        return {term: column for term, column in zip(prefixes, self._columns.tolist(), strict=True) if column != ABSENT}

    def __call__(self, tokens: list[str]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Find every occurrence of every term.

        Args:
            tokens: Of any number of reviews, END after each.

        Returns:
            int32 (longest term, at least 2; len(tokens)): the column of the term of length 1, 2, … that starts at a
            token, or ABSENT; bool (len(tokens),): whether a token belongs to any term.
        """
        numbers = np.fromiter(map(self._numbers.get, tokens, itertools.repeat(0)), np.intp, len(tokens))
        found = np.full((max(self._longest, 2), len(tokens)), ABSENT, np.int32)
        found[0] = self._columns[numbers]
        positions, prefixes = np.arange(len(tokens)), numbers
        for length in range(1, self._longest):
            # Only where a longer term may start; none extends past END, which belongs to no term.
            longer = self._has_children[prefixes].nonzero()[0]
            positions, prefixes = positions[longer], prefixes[longer]
            hits, prefixes = self._children.find(prefixes << 32 | numbers[positions + length])
            positions = positions[hits]
            found[length, positions] = self._columns[prefixes]
        starts = found != ABSENT
        for length in range(len(found) - 1, 0, -1):
            starts[length - 1] |= starts[length]  # (now: whether a term of this length or a longer one starts here)
        known = starts[0]
        for length in range(1, len(found)):
            known[length:] |= starts[length, : max(len(known) - length, 0)]
        return found, known


def _number_words(terms: Iterable[str], count: int) -> tuple[NDArray[np.intp], dict[str, int]]:
    """Number the words of terms, from 1.

    Returns:
        intp (count,), the numbers of all words, term by term; and word -> number.
    """
    numbers: defaultdict[str, int] = defaultdict(itertools.count(1).__next__)
    found = np.fromiter((numbers[word] for term in terms for word in term.split(" ")), np.intp, count)
    return found, dict(numbers)


class _CuckooTable:
    """A hash table with vectorised lookup: each key is in one of two slots (Pagh and Rodler, 2004).

    Args:
        keys: uint64 (n,), distinct.
        values: int32 (n,).

    Raises:
        ValueError: No table was found, which does not happen for distinct keys.
    """

    ATTEMPTS = 8
    ROUNDS = 100

    def __init__(self, keys: NDArray[np.uint64], values: NDArray[np.int32]) -> None:
        random = np.random.default_rng(0)
        for attempt in range(self.ATTEMPTS):
            bits = max(1, (2 * len(keys) - 1).bit_length()) + attempt  # half full at most
            self._shift = np.uint64(64 - bits)
            self._multipliers = random.integers(2**63, 2**64, 2, np.uint64) | np.uint64(1)
            slots = self._place(keys, 2**bits)
            if slots is not None:
                break
        else:
            raise ValueError(f"no hash table for {len(keys)} keys")
        self._keys = np.zeros(2**bits, np.uint64)  # 0 is no key
        self._values = np.zeros(2**bits, np.int32)
        self._keys[slots] = keys
        self._values[slots] = values

    def _slots(self, keys: NDArray[np.uint64], choice: int) -> NDArray[np.intp]:
        slots: NDArray[np.intp] = (keys * self._multipliers[choice] >> self._shift).astype(np.intp)
        return slots

    def _place(self, keys: NDArray[np.uint64], size: int) -> NDArray[np.intp] | None:
        """Give each key one of its two slots, or give up after some rounds."""
        choices = np.stack([self._slots(keys, 0), self._slots(keys, 1)])  # (2, n)
        chosen = np.zeros(len(keys), np.intp)
        owners = np.full(size, -1)
        unplaced = np.arange(len(keys))
        for _ in range(self.ROUNDS):
            slots = choices[chosen[unplaced], unplaced]
            evicted = np.unique(owners[slots])
            owners[slots] = unplaced  # of several keys for one slot, the last wins
            losers = unplaced[owners[slots] != unplaced]
            unplaced = np.concatenate([losers, evicted[evicted >= 0]])
            if not len(unplaced):
                return choices[chosen, np.arange(len(keys))]
            chosen[unplaced] ^= 1  # they move to their other slot, and evict its key
        return None

    def find(self, keys: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Look up keys.

        Returns:
            The indices of the keys that are in the table, and their values.
        """
        wanted = keys.view(np.uint64)
        slots = self._slots(wanted, 0)
        missing = (self._keys[slots] != wanted).nonzero()[0]
        slots[missing] = self._slots(wanted[missing], 1)
        hits = (self._keys[slots] == wanted).nonzero()[0]
        return hits, self._values[slots[hits]].astype(np.intp)


def _check(word_index: Mapping[str, int], encoding: Encoding) -> None:
    for term, column in word_index.items():
        if not encoding.first_term_column <= column < encoding.columns:
            raise ValueError(
                f"the term {term!r} has column {column}, outside {encoding.first_term_column} to {encoding.columns - 1}"
            )
    # Many terms at once, which is ten times as fast, and one by one only to name the first invalid one.
    terms = list(word_index)
    for start in range(0, len(terms), CHECKED_TOGETHER):
        some = terms[start : start + CHECKED_TOGETHER]
        together = " ".join(some)
        joined = " ".join(tokenise(together, encoding.kept_punctuation, encoding.markup))
        longest = max(term.count(" ") + 1 for term in some)
        if joined != together or longest > encoding.longest_term or "" in some:
            for term in some:
                tokens = tokenise(term, encoding.kept_punctuation, encoding.markup)
                if " ".join(tokens) != term or not 1 <= len(tokens) <= encoding.longest_term:
                    raise ValueError(f"the term {term!r} could never be found in a review")
