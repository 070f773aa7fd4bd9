"""From rows to a data set: labels, splits, duplicates, and what is said when it cannot be."""

import hashlib
import json
import random
from pathlib import Path

import pytest
from rich.progress import Progress

from app.inference.text import tokenise
from app.inference.vocabulary import Encoding
from tests.training.own import Row, csv_text, jsonl_text, rows, write
from training.collection import TEST_SHARE, Source, load_collection, read_collection
from training.dataset import Dataset
from training.errors import BadRows, SourceError

PROGRESS = Progress(disable=True)
MANY = rows(300)


def load(*paths: Path, skip: bool = False) -> tuple[Dataset, list[str]]:
    return load_collection(Source(paths, skip_bad_rows=skip), Encoding(), PROGRESS)


def texts(path: Path, split: str) -> set[str]:
    return {review.text for review in read_collection(Source([path]), PROGRESS).reviews if review.split == split}


@pytest.mark.parametrize("label", ["1", "1.0", "positive", "POS", " True "])
def test_labels_may_be_written_in_many_ways(tmp_path: Path, label: str) -> None:
    negative = {"1": "0", "1.0": "0.0", "positive": "Negative", "POS": "neg", " True ": "false"}[label]
    made = [row | {"label": label if row["label"] else negative} for row in MANY]
    dataset, notices = load(write(tmp_path / "my.csv", made))
    assert len(dataset.train) + len(dataset.test) == len(MANY)
    assert dataset.train.labels.sum() + dataset.test.labels.sum() == sum(row["label"] == 1 for row in MANY)
    assert notices == []


def test_csv_and_json_lines_in_any_order_are_the_same_data_set(tmp_path: Path) -> None:
    mixed = random.Random(1).sample(MANY, len(MANY))
    one, _ = load(write(tmp_path / "a.csv", MANY))
    two, _ = load(write(tmp_path / "b.jsonl", [row | {"label": bool(row["label"])} for row in mixed]))
    parts, _ = load(write(tmp_path / "c.csv", mixed[:100]), write(tmp_path / "d.jsonl", mixed[100:]))
    assert one.digest == two.digest == parts.digest
    assert one.train.sequences == two.train.sequences == parts.train.sequences
    assert one.train.labels.tolist() == two.train.labels.tolist()


def test_split_by_hash_is_about_a_fifth_and_stays_when_reviews_are_added(tmp_path: Path) -> None:
    some, more = write(tmp_path / "a.csv", MANY), write(tmp_path / "b.csv", [*rows(1000, seed=5), *MANY])
    test = texts(some, "test")
    assert len(test) == pytest.approx(TEST_SHARE * len(MANY), abs=20)
    assert test < texts(more, "test")
    assert not test & texts(more, "train")


def test_split_by_hash_is_that_of_the_words(tmp_path: Path) -> None:
    shouted = [row | {"text": f"  {row['text']}!! ".upper()} for row in MANY]
    quiet, loud = write(tmp_path / "a.csv", MANY), write(tmp_path / "b.csv", shouted)
    one, other = ({" ".join(tokenise(text)) for text in texts(path, "test")} for path in (quiet, loud))
    assert one == other


def test_split_column_says_what_is_for_testing(tmp_path: Path) -> None:
    splits = ["train", "TEST", "validation", "dev"]
    made = [row | {"split": splits[i % 4]} for i, row in enumerate(MANY)]
    dataset, _ = load(write(tmp_path / "my.csv", made))
    assert len(dataset.test) == 75
    assert dataset.own is not None
    assert dataset.own["split"] == "column"


def test_names_are_ids_or_places(tmp_path: Path) -> None:
    dataset, _ = load(write(tmp_path / "my.csv", MANY))
    assert all(name.startswith("my.csv:") for name in dataset.test.names)
    made = [row | {"id": f"a|{i}\n`b`" + "x" * 100} for i, row in enumerate(MANY)]
    dataset, _ = load(write(tmp_path / "my.csv", made))
    assert all(name.startswith("a/") and " 'b'x" in name and len(name) == 80 for name in dataset.test.names)


def test_equal_words_are_one_review_on_one_side(tmp_path: Path) -> None:
    shouted = [row | {"text": f"  {row['text']}!! ".upper()} for row in MANY]
    dataset, notices = load(write(tmp_path / "my.csv", MANY + shouted))
    assert len(dataset.train) + len(dataset.test) == len(MANY)
    assert dataset.own is not None
    assert dataset.own["duplicate_rows"] == len(MANY)
    assert any("300 rows repeat the words of another one" in notice for notice in notices)
    words = [" ".join(tokens) for split in (dataset.train, dataset.test) for tokens in split.sequences]
    assert len(set(words)) == len(words)


def test_contradicting_labels_are_reported_and_decided_by_the_more_frequent(tmp_path: Path) -> None:
    odd: list[Row] = [{"text": "a draw", "label": label} for label in (0, 1)]
    odd += [{"text": "two to one", "label": label} for label in (0, 1, 1)]
    path = write(tmp_path / "my.csv", [*odd, *MANY])
    reviews, facts, notices = read_collection(Source([path]), PROGRESS)
    assert [review.sentiment for review in reviews if review.text == "two to one"] == ["pos"]
    assert "a draw" not in {review.text for review in reviews}
    assert (facts["contradicting_texts"], facts["undecided_texts"]) == (2, 1)
    (notice,) = [notice for notice in notices if "both labels" in notice]
    assert "my.csv:2 and my.csv:3; my.csv:4 and my.csv:5" in notice


def test_text_in_both_splits_is_a_test_review_alone(tmp_path: Path) -> None:
    made = [row | {"split": "test" if i % 4 == 0 else "train"} for i, row in enumerate(MANY)]
    path = write(tmp_path / "my.csv", [*made, made[0] | {"split": "train"}])
    assert str(MANY[0]["text"]) in texts(path, "test")
    assert str(MANY[0]["text"]) not in texts(path, "train")
    assert any("stand in the training and the test split" in notice for notice in load(path)[1])


def test_word_of_a_single_review_gets_no_column(tmp_path: Path) -> None:
    made = [row | {"text": f"{row['text']} Person{i} person{i}"} for i, row in enumerate(MANY)]
    dataset, _ = load(write(tmp_path / "my.csv", made))
    assert dataset.vocabulary is not None
    assert "superb" in dataset.vocabulary.word_index
    assert not any(word.startswith("person") for word in dataset.vocabulary.word_index)


def test_facts_name_the_files_without_their_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", MANY)
    dataset, _ = load(path)
    assert dataset.name == "own"
    assert dataset.own is not None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert dataset.own["files"] == [{"name": "my.csv", "sha256": digest, "rows": 300}]
    assert dataset.own["positive_training_reviews"] == dataset.train.labels.sum()
    assert str(tmp_path) not in repr(dataset.own)


BAD = [
    ({"text": "  ", "label": 1}, "the text is blank"),
    ({"text": "...!?", "label": 1}, "the text holds no word"),
    ({"text": None, "label": 1}, "the text is blank"),
    ({"text": 5, "label": 1}, "the text is not a string"),
    ({"text": "fine", "label": ""}, "the label is blank"),
    ({"text": "fine", "label": None}, "the label is blank"),
    ({"text": "fine", "label": "meh"}, "unknown label 'meh'"),
    ({"text": "fine", "label": 4}, "unknown label 4"),
    ({"text": "fine", "label": "secret words of a review"}, "unknown label 'secret words of a rev…'"),
]


@pytest.mark.parametrize(("row", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_bad_row_stops_with_its_place_and_reason(tmp_path: Path, row: Row, reason: str) -> None:
    content = jsonl_text(MANY).encode() + json.dumps(row).encode() + b"\n"
    path = write(tmp_path / "my.jsonl", content)
    with pytest.raises(BadRows) as raised:
        load(path)
    ((place, said),) = raised.value.bad
    assert place == "my.jsonl:301"
    assert said.startswith(reason)
    assert "1 of 301 rows cannot be used" in str(raised.value)
    assert "--skip-bad-rows" in str(raised.value)
    dataset, notices = load(path, skip=True)
    assert dataset.own is not None
    assert dataset.own["skipped_rows"] == 1
    assert "left out 1 of 301 rows" in notices[0]
    assert len(dataset.train) + len(dataset.test) == 300


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", csv_text(MANY).encode() + "Schön,1\n".encode("latin-1"))
    with pytest.raises(BadRows, match=r"my\.csv:302: not UTF-8"):
        load(path)
    assert len(load(path, skip=True)[0].train) > 200


def test_blank_split_beside_others_is_bad(tmp_path: Path) -> None:
    made = [row | {"split": "" if i == 7 else "nowhere" if i == 8 else "train"} for i, row in enumerate(MANY)]
    with pytest.raises(BadRows) as raised:
        load(write(tmp_path / "my.csv", made))
    assert [reason for _, reason in raised.value.bad] == [
        "the split is blank, and other rows have one",
        "unknown split 'nowhere'; it may be train, validation or test",
    ]


def test_many_bad_rows_are_counted_in_the_order_of_the_file(tmp_path: Path) -> None:
    bad = "".join(f"fine,{i}\none field\n" for i in range(2, 12))
    with pytest.raises(BadRows) as raised:
        load(write(tmp_path / "my.csv", csv_text(MANY) + bad))
    lines = str(raised.value).splitlines()
    assert [line.split(":")[1] for line in lines[1:11]] == [str(line) for line in range(302, 312)]
    assert lines[11] == "  … and 10 more"
    assert lines[12].startswith("A label is 1, positive")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([row for row in MANY if row["label"]], "all 150 reviews are positive; both .* add negative"),
        ([row for row in MANY if not row["label"]], "all 150 reviews are negative"),
        (MANY[:15], "training reviews; 10 of each class are the least"),
        ([row | {"split": "train"} for row in MANY], "no positive test review among 300; .*split"),
        ([{"text": f"文{chr(0x4E00 + i)}", "label": i % 2} for i in range(200)], "no word stands in two"),
    ],
    ids=["positive", "negative", "few", "no test", "no spaces"],
)  # fmt: skip
def test_reviews_that_do_not_suffice_say_what_to_add(tmp_path: Path, made: list[Row], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        load(write(tmp_path / "my.csv", made))


def test_nothing_but_bad_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none of the 2 rows can be used; the first: my\.csv:2: unknown label '5'"):
        load(write(tmp_path / "my.csv", "text,label\nfine,5\nfine,4\n"), skip=True)


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", MANY)
    (tmp_path / "b").mkdir()
    with pytest.raises(SourceError, match=r"copy\.csv: holds the same as .*a\.csv"):
        load(one, write(tmp_path / "copy.csv", MANY))
    with pytest.raises(SourceError, match="another file has the same name"):
        load(one, write(tmp_path / "b/a.csv", MANY[:50]))
    with pytest.raises(SourceError, match=r"cannot be mixed with archives"):
        load(one, tmp_path / "aclImdb.tar.gz")
