"""Keras's packaging of the reviews gives the same encoding as the raw ones."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress

from app.model.text import joined
from app.model.vocabulary import Encoding
from tests.corpus import files, write_archive
from training.archive import load_archives
from training.dataset import Dataset, Split, build_vocabulary
from training.keras_imdb import load_keras

ENCODING = Encoding(columns=30)


@pytest.fixture
def raw(tmp_path: Path) -> Dataset:
    return load_archives([write_archive(tmp_path / "a.tar.gz", files(20))], Progress(disable=True))


@pytest.fixture
def published(raw: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Write the two files that Keras downloads: ids are ranks, in the order of `raw`. All else is Keras's own code."""
    counts = Counter(token for split in (raw.train, raw.test) for tokens in split.sequences for token in tokens)
    ordered = [*build_vocabulary(raw, Encoding(columns=100_000)).word_index]
    ranks = {word: i + 1 for i, word in enumerate([*ordered, *sorted(counts.keys() - set(ordered))])}
    splits: dict[str, Any] = {}
    for name, split in (("train", raw.train), ("test", raw.test)):
        ids = np.empty(len(split), object)
        ids[:] = [[ranks[token] for token in tokens] for tokens in split.sequences]
        splits |= {f"x_{name}": ids, f"y_{name}": split.labels.astype(np.int64)}
    np.savez(tmp_path / "imdb.npz", **splits)
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(ranks))
    monkeypatch.setattr("keras.src.datasets.imdb.get_file", lambda fname, **_: str(tmp_path / fname))
    return ranks


@pytest.mark.usefixtures("published")
def test_load_keras_gives_the_encoding_of_the_raw_reviews(raw: Dataset) -> None:
    packaged = load_keras(ENCODING)
    vocabulary = build_vocabulary(raw, ENCODING)
    assert build_vocabulary(packaged, ENCODING).word_index == vocabulary.word_index

    def rows(split: Split) -> list[tuple[float, list[int]]]:
        """Sorted, as Keras shuffles."""
        columns = [vocabulary.find([joined(tokens)]).rows[0].columns.tolist() for tokens in split.sequences]
        return sorted(zip(split.labels.tolist(), columns, strict=True))

    assert rows(packaged.train) == rows(raw.train)
    assert rows(packaged.test) == rows(raw.test)


def test_load_keras_gives_no_column_to_a_word_that_our_tokeniser_splits(
    published: dict[str, int], tmp_path: Path
) -> None:
    renamed = {("it\x96was" if word == "superb" else word): rank for word, rank in published.items()}
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(renamed))
    packaged = load_keras(Encoding(columns=100))
    assert packaged.vocabulary is not None
    assert "it\x96was" not in packaged.vocabulary.word_index
    assert any({"it", "was"} <= set(tokens) for tokens in packaged.train.sequences)
    assert not any("superb" in tokens for tokens in packaged.train.sequences)
