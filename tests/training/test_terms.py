"""Term matrices against the definition."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.terms import Terms

reviews = st.lists(st.lists(st.sampled_from(["a", "b", "c", "!"]), max_size=8), min_size=1, max_size=6)


def runs(tokens: list[str], longest: int) -> set[str]:
    return {
        " ".join(tokens[start : start + length])
        for length in range(1, longest + 1)
        for start in range(len(tokens) - length + 1)
    }


@given(reviews, reviews, st.integers(1, 3), st.integers(1, 3))
def test_terms_follow_the_definition(
    counted: list[list[str]], others: list[list[str]], longest: int, rarest: int
) -> None:
    occurs = Counter(term for tokens in counted for term in runs(tokens, longest))
    frequent = {term for term, number in occurs.items() if number >= rarest}
    terms = Terms(counted, longest, rarest)
    names = terms.names(np.arange(len(terms)))
    assert sorted(names) == sorted(frequent)
    for part in (counted, others):
        dense = terms.matrix(part).toarray()
        for line, tokens in zip(dense, part, strict=True):
            found = {name for name, value in zip(names, line, strict=True) if value}
            assert found == runs(tokens, longest) & frequent
            assert set(line.tolist()) <= {0.0, 1.0}
