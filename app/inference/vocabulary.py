"""The vocabulary: from tokens to the network's input, multi-hot rows.

A bundle states its `Encoding`; the `Vocabulary` applies it. The default is the book's encoding: single words, column 1
always on, column 2 on if a review contains an unknown word. Encodings with longer terms ("not good") or kept
punctuation use the same code with other values.

Cost of finding terms: 54 us per review one at a time, 24 us in batches of 16 (docs/explanation/performance.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.text import UTF_8, Markup, Token, clean, joined, locate, tokenise

END = b" \xff "
"""Separates reviews, so that no term extends from one into the next; UTF-8 does not contain this byte."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Mixes the bits of keys: 2^64 divided by the golden ratio (Knuth, *The Art of Computer Programming*, 6.4)."""

MULTIPLIERS = MULTIPLIER ** np.arange(256, dtype=np.uint64)
"""uint64 (256,), modulo 2^64."""

MASKS = np.array([2 ** (8 * length) - 1 for length in range(9)], np.uint64)
"""uint64 (9,): the bits of the first 0 to 8 bytes."""

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


class _Found(NamedTuple):
    """The occurrences of terms in a batch, in the order of the tokens.

    Attributes:
        columns: int32 (occurrences,).
        firsts: intp (occurrences,), the index of each one's first token; one END follows the tokens of each review.
        lasts: intp (occurrences,), the index of its last token.
        known: intp (known tokens,), the indices of tokens that belong to a term.
        ends: intp (reviews,), the index of each review's END.
    """

    columns: NDArray[np.int32]
    firsts: NDArray[np.intp]
    lasts: NDArray[np.intp]
    known: NDArray[np.intp]
    ends: NDArray[np.intp]


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
        longest = encoding.longest_term
        self._terms = "\n".join(word_index).encode(*UTF_8)
        self._columns = np.fromiter(word_index.values(), np.int32, len(word_index))
        text = self._terms.replace(b"\n", b" ")
        self._longest_word = max(map(len, text.split()), default=0)  # in bytes
        lengths = np.fromiter((term.count(" ") for term in word_index), np.intp, len(word_index)) + 1  # (terms,)
        words, _ = _word_keys(text + END * (longest - 1), self._longest_word)
        keys = _term_keys(words, longest)[lengths.cumsum() - lengths, lengths - 1]  # (terms,)
        self._table = _TermTable(keys, self._columns)
        if len(self._table.unplaced):
            terms = list(word_index)
            equal = ", ".join(repr(terms[index]) for index in self._table.unplaced)
            raise ValueError(f"two of these terms cannot be told apart, as their keys are equal: {equal}")
        start = [] if encoding.start_column is None else [encoding.start_column]
        unknown = [] if encoding.unknown_column is None else [encoding.unknown_column]
        self._own_columns = np.array(start, np.int32), np.array(unknown + start, np.int32)  # all words known; not all
        # Where, in the flat matrix of keys and relative to an END, the keys of sequences are that contain it.
        self._across_end = np.array([more - longest * back for back in range(longest) for more in range(back, longest)])

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
        return len(self._columns)

    @cached_property
    def word_index(self) -> dict[str, int]:
        """Term -> column; made when it is needed, since serving does not need its 13 MB for 100,000 terms."""
        terms = self._terms.decode(*UTF_8).split("\n") if len(self) else []
        return dict(zip(terms, self._columns.tolist(), strict=True))

    def clean(self, text: str) -> bytes:
        """Convert a raw review to tokens separated by spaces; see `app.inference.text.clean`."""
        return clean(text, self.encoding.kept_punctuation, self.encoding.markup)

    def tokenise(self, text: str) -> list[str]:
        """Split a review into tokens."""
        return tokenise(text, self.encoding.kept_punctuation, self.encoding.markup)

    def locate(self, text: str) -> list[Token]:
        """Split a review into tokens with their positions."""
        return locate(text, self.encoding.kept_punctuation, self.encoding.markup)

    def encode(self, text: str) -> Row:
        """Encode one raw review; see `encode_batch`."""
        return self.encode_batch([self.clean(text)])[0]

    def encode_tokens(self, tokens: Iterable[str]) -> Row:
        """Encode the tokens of one review; see `encode_batch`."""
        return self.encode_batch([joined(tokens)])[0]

    def encode_batch(self, texts: Sequence[bytes]) -> list[Row]:
        """Find the columns of reviews.

        Args:
            texts: What `clean` returns for each review; may be empty, and contain empty ones.

        Returns:
            One row per review, in the same order. The cost is linear in the number of bytes.
        """
        found = self._find(texts)
        ends = [-1, *found.ends.tolist()]
        limits = [0, *found.firsts.searchsorted(found.ends).tolist()]
        known_limits = [0, *found.known.searchsorted(found.ends).tolist()]
        rows = []
        for i in range(len(texts)):
            words, known_words = ends[i + 1] - ends[i] - 1, known_limits[i + 1] - known_limits[i]
            columns, own = found.columns[limits[i] : limits[i + 1]], self._own_columns[known_words < words]
            rows.append(Row(np.concatenate([columns, own]) if len(own) else columns, words, known_words))
        return rows

    def occurrences(self, tokens: Sequence[str]) -> tuple[list[Occurrence], list[int]]:
        """Find every occurrence of every term in a review.

        Args:
            tokens: What `tokenise` returns for the review.

        Returns:
            The occurrences, in the order of the tokens, and the indices of the tokens that belong to none.
        """
        found = self._find([joined(tokens)])
        occurrences = [
            Occurrence(" ".join(tokens[first : last + 1]), column, first, last)
            for column, first, last in zip(
                found.columns.tolist(), found.firsts.tolist(), found.lasts.tolist(), strict=True
            )
        ]
        unknown = set(range(len(tokens))).difference(found.known.tolist())
        return occurrences, sorted(unknown)

    def _find(self, texts: Sequence[bytes]) -> _Found:
        """Find every occurrence of every term; for texts see `encode_batch`."""
        longest = self.encoding.longest_term
        words, ends = _word_keys(END.join([*texts, *[b""] * longest]), self._longest_word)
        ends = ends[: len(texts)]  # the others are there so that `longest` tokens start everywhere
        keys = _term_keys(words, longest).ravel()
        keys.put(ends[:, None] * longest + self._across_end, 0, mode="wrap")  # (wrapped, they are across the last END)
        cells, columns = self._table.find(keys)
        firsts = cells // longest
        lasts = cells - firsts * (longest - 1)
        reach = np.zeros(len(words) - longest + 1, np.intp)  # (tokens,), the end of the longest term that starts there
        reach[firsts] = lasts + 1  # of several, the last is the longest
        known = (np.maximum.accumulate(reach) > np.arange(len(reach))).nonzero()[0]
        return _Found(columns, firsts, lasts, known, ends)

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


def _word_keys(text: bytes, longest: int) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Compute the keys of tokens, eight bytes at a time.

    Args:
        text: Tokens and ENDs, separated by spaces.
        longest: Bytes of a token after which the others may be ignored.

    Returns:
        uint64 (tokens,), where END is 0; and intp (ENDs,), their indices.
    """
    padded = b" %b        " % text
    is_space = np.frombuffer(padded, np.uint8) == ord(" ")
    edges = (is_space[1:] != is_space[:-1]).nonzero()[0] + 1
    starts, lengths = edges[::2], edges[1::2] - edges[::2]  # (tokens,)
    blocks = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))  # the eight bytes from each position on
    # Inverted, because no byte is 0xFF but END: so 0 can mean that there is no byte.
    first = ~blocks[starts] & MASKS.take(lengths, mode="clip")
    keys = _mixed(first)
    for offset in range(8, longest + 1, 8):
        longer = (lengths > offset).nonzero()[0]
        if not len(longer):
            break
        block = ~blocks[starts[longer] + offset] & MASKS.take(lengths[longer] - offset, mode="clip")
        keys[longer] = _mixed(keys[longer] + block)
    return keys, (first == 0).nonzero()[0]


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Let every bit of a value affect most others; distinct values stay distinct, and 0 stays 0."""
    values = (values ^ values >> 32) * MULTIPLIER
    return values ^ values >> 32


def _term_keys(words: NDArray[np.uint64], longest: int) -> NDArray[np.uint64]:
    """Compute the keys of all sequences of tokens.

    Args:
        words: uint64 (tokens + longest - 1,), the keys of the tokens.
        longest: Maximum tokens per term.

    Returns:
        uint64 (tokens, longest): the keys of the sequences of 1, 2, … tokens that start at each token.
    """
    tokens = len(words) - longest + 1
    keys = np.empty((tokens, longest), np.uint64)
    keys[:, 0] = words[:tokens]
    for more in range(1, longest):
        keys[:, more] = keys[:, more - 1] * MULTIPLIER + words[more : more + tokens]
    return keys


class _TermTable:
    """A hash table from keys to columns that looks at one entry per key (hash and displace).

    The first bits of a key are its bucket. Each bucket has one of many multipliers, or none if it has no keys. The
    first bits of the product of key and multiplier are the slot. The slot's entry is the sum of the product's other
    bits, moved to the left, and the column; so if the difference is no column, then the key is not in the table.

    A key that is not in the table passes for one that is if all bits of the product are equal, at most once in 2^45
    for random keys. Whoever looks for such words can only change the result of the review that contains them.

    Args:
        keys: uint64 (terms,).
        columns: int32 (terms,), not negative.

    Attributes:
        unplaced: intp (some,), the indices of keys that have no slot: equal ones and those in the same bucket, and 0.
    """

    def __init__(self, keys: NDArray[np.uint64], columns: NDArray[np.int32]) -> None:
        bits = (2 * len(keys) + 1).bit_length()  # at most half of the slots are taken, and a quarter of the buckets
        self._bucket_shift, self._slot_shift = 63 - bits, 64 - bits
        self._column_bits = int(columns.max(initial=0)).bit_length()
        self._choices = np.zeros(2 ** (bits + 1), np.uint8)  # (buckets,), the index of the multiplier, or 0
        self._entries = np.zeros(2**bits, np.uint64)  # (slots,)
        self._entries[0] = 2**64 - 1  # no sum, so that 0 is not found
        buckets = (keys >> self._bucket_shift).astype(np.intp)  # (terms,)
        owners = np.full(2**bits, -1)  # (slots,), the index of the key that the slot was last given to
        free = np.ones(2**bits, np.bool_)  # (slots,)
        free[0] = False  # where 0 would be
        # Of several keys for one slot, the last wins: those of the largest buckets, which are hardest to place.
        self.unplaced = np.bincount(buckets)[buckets].argsort(kind="stable") if len(keys) else np.arange(0)
        for choice in range(1, len(MULTIPLIERS)):
            products = keys[self.unplaced] * MULTIPLIERS[choice]
            slots = (products >> self._slot_shift).astype(np.intp)
            owners[slots] = self.unplaced
            fits = free[slots] & (owners[slots] == self.unplaced)
            full = np.zeros(len(self._choices), np.bool_)
            full[buckets[self.unplaced[~fits]]] = True
            fits = ~full[buckets[self.unplaced]]  # the keys of a bucket have one multiplier, so all fit or none
            placed = self.unplaced[fits]
            self._choices[buckets[placed]] = choice
            self._entries[slots[fits]] = (products[fits] << self._column_bits) + columns[placed].astype(np.uint64)
            free[slots[fits]] = False
            self.unplaced = self.unplaced[~fits]

    def find(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Look up keys, (n,).

        Returns:
            The indices of the keys that are in the table, and their columns.
        """
        # `take` with "clip" is faster than indexing, and no index is out of range.
        choices = self._choices.take((keys >> self._bucket_shift).view(np.int64), mode="clip")
        candidates = choices.astype(np.bool_).nonzero()[0]
        products = keys.take(candidates) * MULTIPLIERS.take(choices.take(candidates))
        entries = self._entries.take((products >> self._slot_shift).view(np.int64), mode="clip")
        columns = entries - (products << self._column_bits)
        hits = (columns < 2**self._column_bits).nonzero()[0]
        return candidates.take(hits), columns.take(hits).astype(np.int32)


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
