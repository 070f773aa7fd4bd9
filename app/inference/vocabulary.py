"""From tokens to the network's input: the word index, both ways, and multi-hot rows.

A bundle states its `Encoding`; the `Vocabulary` applies it. The book's encoding is the default one: single words,
column 1 on in every row, column 2 on when a review holds a word that has no column of its own. Encodings with longer
terms ("not good") or kept punctuation are the same code with other values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.text import tokenise

UNKNOWN_WORD = "?"
"""What `Vocabulary.decode` writes for a column without a word; never a token, since `?` separates."""

Tree = dict[str, tuple[int | None, "Tree"]]
"""Token -> the column of the term that ends here, if one does, and the tokens that terms go on with."""


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
        columns: The columns that are on; int32 (columns on,), distinct, in no order.
        words: Tokens in the review.
        known_words: Those of them that belong to a term with a column.
    """

    columns: NDArray[np.int32]
    words: int
    known_words: int


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
        self._tree = _tree(word_index) if encoding.longest_term > 1 else {}
        self._always = [] if encoding.start_column is None else [encoding.start_column]

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

    def encode(self, text: str) -> Row:
        """Encode a raw review; see `encode_tokens`."""
        return self.encode_tokens(self.tokenise(text))

    def encode_tokens(self, tokens: Sequence[str]) -> Row:
        """Find the columns of a review.

        Args:
            tokens: What `tokenise` returns, in order; may be empty.

        Returns:
            The row. Its cost is linear in the number of tokens.
        """
        known, found = self._find(tokens)
        unknown_column = self.encoding.unknown_column
        if unknown_column is not None and known < len(tokens):
            found.add(unknown_column)
        found.update(self._always)
        return Row(np.fromiter(found, np.int32, len(found)), len(tokens), known)

    def _find(self, tokens: Sequence[str]) -> tuple[int, set[int]]:
        """Count the tokens that belong to a known term, and collect the terms' columns."""
        if self.encoding.longest_term > 1:
            return self._find_terms(tokens)
        index = self.word_index
        hits = [index[token] for token in tokens if token in index]
        return len(hits), set(hits)

    def _find_terms(self, tokens: Sequence[str]) -> tuple[int, set[int]]:
        """Do so for terms of several tokens: from each token, follow the tree for as long as it goes."""
        found: set[int] = set()
        count = len(tokens)
        known = covered = 0  # tokens in a known term, and the end of the last such term
        first = self._tree.get
        for start, node in enumerate(map(first, tokens)):
            if node is None:
                continue
            column, longer = node
            end = 0
            if column is not None:
                found.add(column)
                end = start + 1
            place = start + 1
            while longer and place < count and (node := longer.get(tokens[place])):
                column, longer = node
                place += 1
                if column is not None:
                    found.add(column)
                    end = place
            if end > covered:
                known += end - max(covered, start)
                covered = end
        return known, found

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
        columns = list(self._always)
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


def _tree(word_index: Mapping[str, int]) -> "Tree":
    """Arrange terms by their first token, those by their second, and so on."""
    tree: Tree = {}
    for term, column in word_index.items():
        level = tree
        *before, last = term.split(" ")
        for token in before:
            level = level.setdefault(token, (None, {}))[1]
        level[last] = (column, level[last][1] if last in level else {})
    return tree


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
