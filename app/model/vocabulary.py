"""The vocabulary: from texts to the network's input, multi-hot rows.

A bundle states its `Encoding`; the `Vocabulary` applies it. The default is the book's encoding: single words, column 1
always on, column 2 on if a review contains an unknown word. Encodings with longer terms ("not good") or kept
punctuation use the same code with other values.

Terms are found by a few dozen array operations per batch, however many reviews there are. A token's bytes are mixed to
a 64-bit key, the keys of consecutive tokens to the key of their sequence, and a hash table maps the keys to columns.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, repeat
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .hash_table import MULTIPLIERS, HashTable
from .text import UTF_8, Markup, Token, clean, locate, tokenise

Indices = NDArray[np.intp]
Integer = TypeVar("Integer", bound=np.integer[Any])

END = b" \xff "
"""Follows each review, so that no term extends into the next one. UTF-8 does not contain this byte."""

BLOCK = np.dtype("V16")
HALVES: np.dtype[Any] = np.dtype(("<u8", 2))
"""16 bytes of a token, as one thing and as two numbers."""

MASKS = (np.tri(17, 16, -1, np.uint8) * np.uint8(255)).view("<u8")
"""uint64 (17, 2): row n has ones in the first n bytes of a block."""

# NumPy combines arrays faster with arrays than with numbers.
SPACE = np.array(ord(" "), np.uint8)
ZERO, HALF = np.array(0, np.uint64), np.array(32, np.uint64)

MULTIPLIER = np.array(MULTIPLIERS[1])

CHECKED_TOGETHER = 1000
"""Terms that are tokenised in one go, which is faster; all at once would leave 20 MB of fragmented memory."""

MAX_COLUMNS = 2**31 - 1
"""Columns are int32."""
MAX_TERM = 64
"""Maximum tokens per term; each length costs a pass over every review, and no useful vocabulary comes close."""
MAX_TERM_BYTES = 1024
"""Maximum bytes per term; every 16 cost a pass over the longer words of every review."""

Column = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Encoding:
    """How a review becomes a row; stated in each bundle's manifest."""

    columns: Annotated[int, Field(ge=1, le=MAX_COLUMNS, description="Width of a row.", examples=[10_000])] = 10_000
    start_column: Annotated[
        Column | None, Field(description="A column that is on in every row; null if there is none.", examples=[1])
    ] = 1
    unknown_column: Annotated[
        Column | None,
        Field(
            description="A column that is on if any word of the review is unknown; null if there is none.", examples=[2]
        ),
    ] = 2
    first_term_column: Annotated[
        Column, Field(description="The column of the first term; those before it are reserved.", examples=[4])
    ] = 4
    longest_term: Annotated[
        int, Field(ge=1, le=MAX_TERM, description="Maximum number of consecutive tokens in a term.", examples=[3])
    ] = 1
    kept_punctuation: Annotated[
        str, Field(description="Punctuation marks that are tokens; all others are separators.", examples=["!?"])
    ] = ""
    markup: Annotated[
        Markup,
        Field(
            description="Whether HTML tags such as `<br />` are text, like any other, or separators.",
            examples=["separator"],
        ),
    ] = "text"


class Row(NamedTuple):
    """One encoded review.

    Attributes:
        columns: int32 (n,), the columns that are on: those of its terms and the encoding's own, ascending, each once.
        words: Number of tokens.
        known_words: Number of tokens that belong to a term.
    """

    columns: NDArray[np.int32]
    words: int
    known_words: int


class Occurrence(NamedTuple):
    """A term in a review, with its column and the indices of its first and its last token."""

    term: str
    column: int
    first: int
    last: int


class Found(NamedTuple):
    """A batch of encoded reviews, and every occurrence of every term in them, in the order of the tokens.

    Attributes:
        texts: The reviews, as `clean` returns them.
        rows: One row per review.
        columns: int32 (occurrences,), the columns of the terms.
        firsts: intp (occurrences,), the indices of their first tokens.
        lasts: intp (occurrences,), the indices of their last tokens.
        known: intp (known tokens,), the indices of tokens that belong to a term.
        ends: intp (reviews,), the indices of the ENDs, which count as tokens.
    """

    texts: Sequence[bytes]
    rows: list[Row]
    columns: NDArray[np.int32]
    firsts: Indices
    lasts: Indices
    known: Indices
    ends: Indices

    def occurrences(self, index: int = 0, columns: Container[int] | None = None) -> list[Occurrence]:
        """List the occurrences of terms in one review, in the order of the tokens; of all columns, or only of some."""
        start = self._start(index)
        some = slice(*self.firsts.searchsorted([start, self.ends[index]]))
        firsts, lasts = (self.firsts[some] - start).tolist(), (self.lasts[some] - start).tolist()
        tokens = self.texts[index].split()
        return [
            Occurrence(b" ".join(tokens[first : last + 1]).decode(*UTF_8), column, first, last)
            for column, first, last in zip(self.columns[some].tolist(), firsts, lasts, strict=True)
            if columns is None or column in columns
        ]

    def unknown(self, index: int = 0) -> list[int]:
        """The indices of the tokens of one review that belong to no term."""
        start = self._start(index)
        known = set(self.known.tolist())
        return [token - start for token in range(start, self.ends[index]) if token not in known]

    def _start(self, index: int) -> int:
        """The index of a review's first token."""
        return int(self.ends[index - 1]) + 1 if index else 0


class Vocabulary:
    """A word index with its encoding.

    Args:
        word_index: Term -> column; several terms may share one. Tokens of a term are joined by single spaces.
        encoding: How reviews become rows.

    Raises:
        ValueError: A column is outside the row or reserved, a term is too long or not in the form that the tokeniser
            produces, so that it could never be found, or the keys of two terms are equal: not by chance.
    """

    def __init__(self, word_index: Mapping[str, int], encoding: Encoding) -> None:
        _check(word_index, encoding)
        self.encoding = encoding
        self._terms = "\n".join(word_index).encode(*UTF_8)
        self._columns = np.fromiter(word_index.values(), np.int32, len(word_index))
        terms = [term.encode(*UTF_8) for term in word_index]
        self._size = max(map(len, terms), default=0)  # bytes of the longest term
        start, unknown = encoding.start_column, encoding.unknown_column
        self._own_columns = [  # of reviews without and with unknown words
            np.array([column for column in columns if column is not None], np.int32)
            for columns in ([start], [start, unknown])
        ]
        keys, ends = _keys(terms, encoding.longest_term, self._size)
        starts = np.append(0, ends + 1)[:-1]  # (terms,)
        self._table = HashTable(keys[starts, ends - starts - 1], self._columns)
        if len(self._table.unplaced):
            names = list(word_index)
            raise ValueError(f"two of these terms have the same key: {[names[i] for i in self._table.unplaced]}")

    def __len__(self) -> int:
        """The number of terms."""
        return len(self._columns)

    @cached_property
    def word_index(self) -> dict[str, int]:
        """Term -> column; made when it is needed, since serving does not need its 13 MB for 100,000 terms."""
        terms = self._terms.decode(*UTF_8).split("\n") if len(self) else []
        return dict(zip(terms, self._columns.tolist(), strict=True))

    def clean(self, text: str) -> bytes:
        """Convert a raw review to tokens separated by spaces; see `app.model.text.clean`."""
        return clean(text, self.encoding.kept_punctuation, self.encoding.markup)

    def tokenise(self, text: str) -> list[str]:
        """Split a review into tokens."""
        return tokenise(text, self.encoding.kept_punctuation, self.encoding.markup)

    def locate(self, text: str) -> list[Token]:
        """Split a review into tokens with their positions."""
        return locate(text, self.encoding.kept_punctuation, self.encoding.markup)

    def encode(self, text: str) -> Row:
        """Encode one raw review."""
        return self.find([self.clean(text)]).rows[0]

    def find(self, texts: Sequence[bytes]) -> Found:
        """Encode a batch of reviews; the cost is linear in the number of bytes.

        Args:
            texts: What `clean` returns for each review; may be empty, and contain empty ones.
        """
        longest = self.encoding.longest_term
        keys, ends = _keys(texts, longest, self._size)
        cells, columns = self._table.find(keys.ravel())
        firsts = cells // longest
        lasts = cells - firsts * (longest - 1)
        reach = np.zeros(len(keys), np.intp)  # (tokens,), the index after the longest term that starts at a token
        reach[firsts] = lasts + 1  # of several assignments, the last remains
        known = (np.maximum.accumulate(reach) > np.arange(len(keys))).nonzero()[0]
        return Found(texts, self._rows(columns, firsts, known, ends), columns, firsts, lasts, known, ends)

    def _rows(self, columns: NDArray[np.int32], firsts: Indices, known: Indices, ends: Indices) -> list[Row]:
        start, unknown, width = self.encoding.start_column, self.encoding.unknown_column, self.encoding.columns
        if len(ends) == 1:  # most often; what follows would take longer
            count, known_count = int(ends[0]), len(known)
            own_columns = self._own_columns[known_count < count]
            return [Row(_distinct(np.concatenate((own_columns, columns))), count, known_count)]
        words = _differences(ends)  # (reviews,), still with the ENDs of all but the first
        words[1:] -= 1
        known_words = _differences(known.searchsorted(ends))
        starts = np.arange(0, len(words) * width, width)  # (reviews,), where each row would begin if all were one
        cells = [columns + starts.repeat(_differences(firsts.searchsorted(ends)))]
        if start is not None:
            cells.append(starts + start)
        if unknown is not None:
            cells.append(starts[known_words < words] + unknown)
        on = _distinct(np.concatenate(cells))
        stops = on.searchsorted(starts + width)  # (reviews,)
        on = (on - starts.repeat(_differences(stops))).astype(np.int32)
        parts = pairwise([0, *stops.tolist()])
        counts = zip(words.tolist(), known_words.tolist(), strict=True)
        return [Row(on[first:stop], *each) for (first, stop), each in zip(parts, counts, strict=True)]

    def multi_hot(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Build the input of a network that reads matrices.

        Returns:
            float32 (rows, columns), 1.0 in the columns that are on, else 0.0; 40 kB per row in the book's encoding.
        """
        matrix = np.zeros((len(rows), self.encoding.columns), np.float32)  # (batch, columns)
        for line, row in zip(matrix, rows, strict=True):
            line[row.columns] = 1.0
        return matrix


def _differences(ends: Indices) -> Indices:
    """Subtract from each number the one before it; `np.diff` takes longer."""
    differences = ends.copy()
    differences[1:] -= ends[:-1]
    return differences


def _distinct(columns: NDArray[Integer]) -> NDArray[Integer]:
    """Return each column once, ascending; `np.unique` takes longer."""
    columns.sort()
    is_first = np.empty(len(columns), np.bool_)
    is_first[:1] = True
    np.not_equal(columns[1:], columns[:-1], out=is_first[1:])
    return columns[is_first]


def _keys(texts: Sequence[bytes], tokens: int, size: int) -> tuple[NDArray[np.uint64], Indices]:
    """Compute a key for each sequence of tokens, from its bytes alone.

    Args:
        texts: See `Vocabulary.find`.
        tokens: Maximum tokens per term.
        size: Maximum bytes per term. Tokens that differ only in the bytes after these may have the same key.

    Returns:
        uint64 (all tokens, tokens): the keys of the sequences of 1, 2, … tokens that start at each token, 0 if they
        contain an END; and intp (texts,), the indices of the ENDs, which count as tokens.
    """
    padded = b" " + END.join([*texts, *[b""] * tokens]) + b" " * 17  # END several times, for the sequences at the end
    characters = np.frombuffer(padded, np.uint8)
    is_space = characters == SPACE
    edges = (is_space[1:] != is_space[:-1]).nonzero()[0]
    before, lengths = edges[::2], edges[1::2] - edges[::2]  # (all tokens,), the index before each token; its bytes
    blocks = np.ndarray(len(padded) - 16, BLOCK, padded, offset=1, strides=(1,))  # the 16 bytes after each index
    words = _read(blocks, before, lengths, ZERO)
    for offset in range(16, size + 1, 16):
        longer = (lengths > offset).nonzero()[0]
        if not len(longer):
            break
        words[longer] = _read(blocks, before[longer] + offset, lengths[longer] - offset, words[longer])
    ends = (characters[1:][before] == 0xFF).nonzero()[0][: len(texts)]
    keys = np.empty((len(words) - tokens + 1, tokens), np.uint64)
    keys[:, 0] = last = words[: len(keys)]
    for more in range(1, tokens):
        keys[:, more] = last = _mixed(last, words[more : more + len(keys)])
    return keys, ends


def _read(blocks: NDArray[Any], before: Indices, lengths: Indices, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix up to 16 more bytes of each token into its key, (tokens,)."""
    # Inverted, so that 0 means "no byte": the byte 0xFF occurs nowhere but in END, whose key therefore is 0.
    halves = ~blocks[before].view(HALVES) & MASKS.take(lengths, axis=0, mode="clip")  # (tokens, 2)
    return _mixed(_mixed(keys + halves[:, 0], MULTIPLIER) + halves[:, 1], MULTIPLIER)


def _mixed(values: NDArray[np.uint64], factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Multiply, after a step that lets the first bits of the product depend on all bits; 0 stays 0."""
    return (values ^ values >> HALF) * factors


def _check(word_index: Mapping[str, int], encoding: Encoding) -> None:
    first, end = encoding.first_term_column, encoding.columns
    for term, column in word_index.items():
        # UTF-8 has at most 4 bytes per character, so hardly any term is encoded here.
        if len(term) > MAX_TERM_BYTES // 4 and (size := len(term.encode(*UTF_8))) > MAX_TERM_BYTES:
            raise ValueError(f"the term {term[:10] + '…'!r} has {size} bytes; the maximum is {MAX_TERM_BYTES}")
        if not first <= column < end:
            raise ValueError(f"the term {term!r} has column {column}, outside {first} to {end - 1}")

    def can_be_found(terms: Sequence[str]) -> bool:
        together = " ".join(terms)
        tokens = tokenise(together, encoding.kept_punctuation, encoding.markup)
        return together.split(" ") == tokens and max(map(str.count, terms, repeat(" "))) < encoding.longest_term

    terms = list(word_index)
    for start in range(0, len(terms), CHECKED_TOGETHER):
        some = terms[start : start + CHECKED_TOGETHER]
        if not can_be_found(some):
            wrong = next(term for term in some if not can_be_found([term]))
            raise ValueError(f"the term {wrong!r} could never be found in a review")
