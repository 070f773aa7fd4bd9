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

PROGRESS = Progress(disable=True)
MANY = rows(300)
SHOUTED = [row | {"text": f"  {row['text']}!! ".upper()} for row in MANY]


def load(*paths: Path, skip: bool = False) -> Dataset:
    return load_collection(paths, Encoding(), PROGRESS, skip_bad_rows=skip).check()


def texts(path: Path, split: str) -> set[str]:
    return set(getattr(load(path), split).texts)


def test_labels_may_be_written_in_many_ways(tmp_path: Path) -> None:
    written = {1: ["1", "1.0", "positive", "POS", " True "], 0: ["0", "0.0", "Negative", "neg", "false"]}
    made = [row | {"label": written[bool(row["label"])][i % 5]} for i, row in enumerate(MANY)]
    dataset = load(write(tmp_path / "my.csv", made))
    assert len(dataset.train) + len(dataset.test) == 300
    assert dataset.train.labels.sum() + dataset.test.labels.sum() == 150
    assert dataset.notices == []


def test_csv_and_json_lines_in_any_order_are_the_same_data_set(tmp_path: Path) -> None:
    mixed = random.Random(1).sample(MANY, len(MANY))
    one = load(write(tmp_path / "a.csv", MANY))
    two = load(write(tmp_path / "b.jsonl", [row | {"label": bool(row["label"])} for row in mixed]))
    parts = load(write(tmp_path / "c.csv", mixed[:100]), write(tmp_path / "d.jsonl", mixed[100:]))
    assert one.digest == two.digest == parts.digest
    assert one.train.sequences == two.train.sequences == parts.train.sequences


def test_split_by_hash_depends_on_the_words_alone(tmp_path: Path) -> None:
    some, more = write(tmp_path / "a.csv", MANY), write(tmp_path / "b.csv", [*rows(1000, seed=5), *MANY])
    test = texts(some, "test")
    assert len(test) == pytest.approx(TEST_SHARE * len(MANY), abs=20)
    assert test < texts(more, "test")
    assert not test & texts(more, "train")
    shouted = texts(write(tmp_path / "c.csv", SHOUTED), "test")
    assert {" ".join(tokenise(text)) for text in shouted} == {" ".join(tokenise(text)) for text in test}


def test_split_column_selects_the_test_reviews(tmp_path: Path) -> None:
    splits = ["train", "TEST", "validation", "dev"]
    made = [row | {"split": splits[i % 4]} for i, row in enumerate(MANY)]
    path = write(tmp_path / "my.csv", [*made, made[1] | {"split": "train"}])  # one text is in both splits
    dataset = load(path)
    assert len(dataset.test) == 75
    assert len(dataset.train) == 225
    assert str(MANY[1]["text"]) in texts(path, "test")
    assert len(dataset.notices) == 2  # of the repeated words, and of the two splits
    assert dataset.own is not None
    assert dataset.own["split"] == "column"


def test_names_are_ids_or_places(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "a.csv", MANY))
    assert all(name.startswith("a.csv:") for name in dataset.test.names)
    made = [row | {"id": f"a|{i}\n`b`" + "x" * 100} for i, row in enumerate(MANY)]
    dataset = load(write(tmp_path / "my.csv", made))
    assert all(name.startswith("a/") and " 'b'x" in name and len(name) == 80 for name in dataset.test.names)


def test_equal_words_are_one_review_in_one_split(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "my.csv", MANY + SHOUTED))
    assert len(dataset.train) + len(dataset.test) == len(MANY)
    assert dataset.own is not None
    assert dataset.own["duplicate_rows"] == len(MANY)
    assert "300 rows" in dataset.notices[0]


def test_contradicting_labels_are_reported_and_the_majority_counts(tmp_path: Path) -> None:
    odd: list[Row] = [{"text": "a draw", "label": label} for label in (0, 1)]
    odd += [{"text": "two to one", "label": label} for label in (0, 1, 1)]
    dataset = load(write(tmp_path / "my.csv", [*odd, *MANY]))
    splits = [zip(split.texts or (), split.labels.tolist(), strict=True) for split in (dataset.train, dataset.test)]
    labels = {text: label for split in splits for text, label in split}
    assert (labels.get("two to one"), labels.get("a draw")) == (1, None)
    assert dataset.own is not None
    assert (dataset.own["contradicting_texts"], dataset.own["undecided_texts"]) == (2, 1)
    assert any("my.csv:2 and my.csv:3; my.csv:4 and my.csv:5" in notice for notice in dataset.notices)


def test_word_of_a_single_review_and_one_that_is_too_long_get_no_column(tmp_path: Path) -> None:
    made = [row | {"text": f"{'x' * 2000} {row['text']} Person{i} person{i}"} for i, row in enumerate(MANY)]
    dataset = load(write(tmp_path / "my.csv", made))
    words = build_vocabulary(dataset, Encoding()).word_index
    assert "superb" in words
    assert not any(word.startswith(("person", "xxx")) for word in words)
    counts = Counter(chain.from_iterable(dataset.train.sequences))
    assert list(words) == sorted(words, key=lambda word: (-counts[word], word))
    assert list(words.values()) == list(range(4, 4 + len(words)))


BAD: list[tuple[Row, str]] = [
    ({"text": "  ", "label": 1}, "the text is blank"),
    ({"text": "...!?", "label": 1}, "the text has no words"),
    ({"text": 5, "label": 1}, "the text is not a string"),
    ({"text": "half \ud83d a pair", "label": 1}, "not valid JSON"),
    ({"text": "fine", "label": ""}, "the label is blank"),
    ({"text": "fine", "label": 4}, "unknown label 4"),
    ({"text": "fine", "label": "secret words of a review"}, "unknown label 'secret words of a rev…'"),
]


def test_bad_rows_stop_with_place_and_reason_or_are_skipped(tmp_path: Path) -> None:
    lines = [json.dumps(row).encode() for row, _ in BAD] + 4 * ['{"text": "Schön", "label": 1}'.encode("latin-1")]
    path = write(tmp_path / "my.jsonl", jsonl_text(MANY).encode() + b"\n".join(lines))
    with pytest.raises(TrainingError) as raised:
        load(path)
    message = str(raised.value)
    assert "11 of 311 rows" in message
    for i, (_, reason) in enumerate(BAD):
        assert f"my.jsonl:{301 + i}: {reason}" in message
    assert "and 1 more" in message
    assert "--skip-bad-rows" in message
    dataset = load(path, skip=True)
    assert dataset.own is not None
    assert dataset.own["skipped_rows"] == 11
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


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", MANY)
    (tmp_path / "b").mkdir()
    with pytest.raises(TrainingError, match=r"copy\.csv: the same content as .*a\.csv"):
        load(one, write(tmp_path / "copy.csv", MANY))
    with pytest.raises(TrainingError, match="same name"):
        load(one, write(tmp_path / "b/a.csv", MANY[:50]))
    with pytest.raises(TrainingError, match="archives"):
        load(one, tmp_path / "aclImdb.tar.gz")
    with pytest.raises(SentimentError, match="No such file"):
        load(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "the file is empty"),
        ("a.csv", "text,label\n", "no rows below the header"),
        ("a.csv", "Superb,1\nAwful,0\n", "no column named text or review, only 'Superb', '1'; .*--text-column"),
        ("a.csv", "text,stars\nSuperb,1\n", "no column named label or sentiment.*--label-column"),
        ("a.csv", "text,review,label\na,b,1\n", "several columns named text or review.*--text-column"),
        ("a.json", "[]", r"labelled texts are read from \.csv.* jq -c '\.\[\]' a\.json > a\.jsonl"),
        ("a.xlsx", "PK", "labelled texts are read from .*; convert it"),
        ("a.csv.gz", "text,label\n", "cannot be read, or is damaged"),
    ],
)
def test_file_that_cannot_be_used_says_why(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(SentimentError, match=message):
        load(write(tmp_path / name, content))


def test_names_show_what_has_rows() -> None:
    assert all(is_own(Path(name)) for name in ("my.csv", "my.TSV.xz", "my.json"))
    assert not any(is_own(Path(name)) for name in ("aclImdb_v1.tar.gz", "imdb.npz", "my"))
