"""From rows to a data set: labels, splits, duplicates, and error messages."""

import json
import random
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from rich.progress import Progress

from app.model.errors import SentimentError
from app.model.text import tokenise
from app.model.vocabulary import Encoding
from tests.training.own import Row, jsonl_text, rows, write
from training.collection import TEST_SHARE, is_own, load_collection
from training.dataset import Dataset, build_vocabulary
from training.errors import TrainingError

MANY = rows(300)
SHOUTED = [row | {"text": f"  {row['text']}!! ".upper()} for row in MANY]


def load(*paths: Path, skip: bool = False) -> Dataset:
    return load_collection(paths, Encoding(), Progress(disable=True), skip_bad_rows=skip).check()


def words(dataset: Dataset, split: str) -> set[str]:
    return {" ".join(tokenise(text)) for text in getattr(dataset, split).texts}


def facts(dataset: Dataset, *names: str) -> list[object]:
    """What the manifest will say about the data set."""
    assert dataset.own is not None
    return [dataset.own[name] for name in names]


def test_labels_formats_and_order_do_not_matter(tmp_path: Path) -> None:
    written = {1: ["1", "1.0", "positive", "POS", " True "], 0: ["0", "0.0", "Negative", "neg", "false"]}
    mixed = [row | {"label": written[bool(row["label"])][i % 5]} for i, row in enumerate(MANY)]
    random.Random(1).shuffle(mixed)
    one = load(write(tmp_path / "a.csv", MANY))
    two = load(write(tmp_path / "b.jsonl", [row | {"label": bool(row["label"])} for row in MANY]))
    parts = load(write(tmp_path / "c.csv", mixed[:100]), write(tmp_path / "d.jsonl", mixed[100:]))
    assert one.digest == two.digest == parts.digest
    assert one.train.sequences == two.train.sequences == parts.train.sequences
    assert len(one.train) + len(one.test) == 300
    assert one.train.labels.sum() + one.test.labels.sum() == 150
    assert one.notices == []


def test_split_by_hash_depends_on_the_words_alone(tmp_path: Path) -> None:
    some, more = load(write(tmp_path / "a.csv", MANY)), load(write(tmp_path / "b.csv", [*rows(1000, seed=5), *MANY]))
    assert len(some.test) == pytest.approx(TEST_SHARE * len(MANY), abs=20)
    assert words(some, "test") < words(more, "test")
    assert not words(some, "test") & words(more, "train")
    assert words(load(write(tmp_path / "c.csv", SHOUTED)), "test") == words(some, "test")


def test_split_column_selects_the_test_reviews(tmp_path: Path) -> None:
    splits = ["train", "TEST", "validation", "dev"]
    made = [row | {"split": splits[i % 4]} for i, row in enumerate(MANY)]
    dataset = load(write(tmp_path / "my.csv", [*made, made[1] | {"split": "train"}]))  # one text is in both splits
    assert (len(dataset.test), len(dataset.train)) == (75, 225)
    assert MANY[1]["text"] in (dataset.test.texts or ())
    assert len(dataset.notices) == 2  # of the repeated words, and of the two splits
    assert facts(dataset, "split") == ["column"]


def test_names_are_ids_or_places(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "a.csv", MANY))
    assert all(name.startswith("a.csv:") for name in dataset.test.names)
    made = [row | {"id": f"a|{i}\n`b`" + "x" * 100} for i, row in enumerate(MANY)]
    dataset = load(write(tmp_path / "my.csv", made))
    assert all(name.startswith("a/") and " 'b'x" in name and len(name) == 80 for name in dataset.test.names)


def test_equal_words_are_one_review_whose_more_frequent_label_counts(tmp_path: Path) -> None:
    odd: list[Row] = [{"text": "a draw", "label": label} for label in (0, 1)]
    odd += [{"text": "two to one", "label": label} for label in (0, 1, 1)]
    dataset = load(write(tmp_path / "my.csv", [*odd, *MANY, *SHOUTED]))
    assert len(dataset.train) + len(dataset.test) == len(MANY) + 1
    splits = [zip(split.texts or (), split.labels.tolist(), strict=True) for split in (dataset.train, dataset.test)]
    labels = {text: label for split in splits for text, label in split}
    assert (labels.get("two to one"), labels.get("a draw")) == (1, None)
    assert facts(dataset, "duplicate_rows", "contradicting_texts", "undecided_texts") == [303, 2, 1]
    assert "303 rows" in dataset.notices[0]
    assert "my.csv:2 and my.csv:3; my.csv:4 and my.csv:5" in dataset.notices[1]


def test_word_of_a_single_review_and_one_that_is_too_long_get_no_column(tmp_path: Path) -> None:
    made = [row | {"text": f"{'x' * 2000} {row['text']} Person{i} person{i}"} for i, row in enumerate(MANY)]
    dataset = load(write(tmp_path / "my.csv", made))
    words = build_vocabulary(dataset, Encoding()).word_index
    assert "superb" in words
    assert not any(word.startswith(("person", "xxx")) for word in words)
    counts = Counter(chain.from_iterable(dataset.train.sequences))
    assert list(words) == sorted(words, key=lambda word: (-counts[word], word))
    assert list(words.values()) == list(range(4, 4 + len(words)))


def test_bad_rows_stop_with_place_and_reason_or_are_skipped(tmp_path: Path) -> None:
    bad: list[tuple[Row, str]] = [
        ({"text": "  ", "label": 1, "split": "test"}, "the text is blank"),
        ({"text": 5, "label": 1, "split": "test"}, "the text is not a string"),
        ({"text": "half \ud83d a pair", "label": 1}, "not valid JSON"),
        ({"text": "fine", "label": "secret words of a review"}, "unknown label 'secret words of a rev…'"),
        ({"text": "fine", "label": 1}, "the split is blank, but other rows have one"),
        ({"text": "fine", "label": 1, "split": "both"}, "unknown split 'both'"),
    ]
    good = [row | {"split": "test" if i % 4 else "train"} for i, row in enumerate(MANY)]
    lines = [json.dumps(row).encode() for row, _ in bad] + 5 * ['{"text": "Schön", "label": 1}'.encode("latin-1")]
    path = write(tmp_path / "my.jsonl", jsonl_text(good).encode() + b"\n".join(lines))
    with pytest.raises(TrainingError) as raised:
        load(path)
    message = str(raised.value)
    reasons = [f"my.jsonl:{301 + i}: {reason}" for i, (_, reason) in enumerate(bad)]
    for part in ("11 of 311 rows", *reasons, "and 1 more", "--skip-bad-rows"):
        assert part in message
    dataset = load(path, skip=True)
    assert facts(dataset, "skipped_rows") == [11]
    assert "left out 11 of 311 rows" in dataset.notices[0]
    assert len(dataset.train) + len(dataset.test) == 300


def test_too_few_reviews_say_what_to_add(tmp_path: Path) -> None:
    for made, message in (
        ([row for row in MANY if row["label"]], "0 negative training reviews, but at least 10 are needed"),
        ([row | {"split": "train"} for row in MANY], "0 positive test reviews"),
    ):
        with pytest.raises(TrainingError, match=message):
            load(write(tmp_path / "my.csv", made))


def test_language_without_spaces_is_explained(tmp_path: Path) -> None:
    made: list[Row] = [{"text": f"文{chr(0x4E00 + i)}", "label": i % 2} for i in range(200)]
    with pytest.raises(TrainingError, match=r"languages .* without spaces"):
        build_vocabulary(load(write(tmp_path / "my.csv", made)), Encoding())


def test_files_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", MANY)
    (tmp_path / "b").mkdir()
    for paths, message in (
        ([one, write(tmp_path / "copy.csv", MANY)], r"copy\.csv: the same content as .*a\.csv"),
        ([one, write(tmp_path / "b/a.csv", MANY[:50])], "same name"),
        ([one, tmp_path / "aclImdb.tar.gz"], "archives"),
        ([tmp_path / "missing.csv"], "No such file"),
        ([write(tmp_path / "c.csv", "Superb,1\n")], "no column named text or review, only 'Superb', '1'; .*--text-col"),
        ([write(tmp_path / "d.csv", "text,review,label\na,b,1\n")], "several columns named text or review"),
        ([write(tmp_path / "e.json", "[]")], r"labelled texts are read from \.csv.* jq -c '\.\[\]' e\.json > e\.jsonl"),
        ([write(tmp_path / "f.xlsx", "PK")], "labelled texts are read from .*; convert it"),
    ):
        with pytest.raises(SentimentError, match=message):
            load(*paths)


def test_names_show_what_has_rows() -> None:
    assert all(is_own(Path(name)) for name in ("my.csv", "my.TSV.xz", "my.json"))
    assert not any(is_own(Path(name)) for name in ("aclImdb_v1.tar.gz", "imdb.npz", "my"))
