"""Labelled rows of people's own files; tests/test_records.py has the formats and malformed lines."""

from pathlib import Path

import pytest
from rich.progress import Progress

from tests.training.own import write
from training.errors import SourceError
from training.records import BadRow, Columns, LabelledRow, holds_rows, read_records

PROGRESS = Progress(disable=True)


def read(path: Path, columns: Columns | None = None) -> list[LabelledRow | BadRow]:
    return list(read_records(path, columns or Columns(), PROGRESS))


def test_columns_are_found_in_any_order_and_case(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", "ID;Sentiment;stars;Review;split\n7;positive;9;Superb;test\n")
    assert read(path) == [LabelledRow("my.csv:2", "Superb", "positive", "test", "7")]
    path = write(tmp_path / "my.jsonl", '{"ID": 7, "Sentiment": true, "Review": "Superb"}\n{"Sentiment": true}')
    assert read(path) == [LabelledRow("my.jsonl:1", "Superb", True, None, 7), LabelledRow("my.jsonl:2", None, True)]


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", "text,body,label,Mood\nx,Superb,1,0\n")
    assert read(path, Columns(("body",), ("mood",))) == [LabelledRow("my.csv:2", "Superb", "0")]


def test_bad_line_is_named_and_the_others_read(tmp_path: Path) -> None:
    first, bad, last = read(write(tmp_path / "my.csv", 'text,label\nfine,1\n"open,1\nfine,0\n'))
    assert isinstance(bad, BadRow)
    assert (bad.place, "not valid CSV" in bad.reason) == ("my.csv:3", True)
    assert (first, last) == (LabelledRow("my.csv:2", "fine", "1"), LabelledRow("my.csv:4", "fine", "0"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "the file is empty"),
        ("a.csv", "text,label\n", "no rows below the header"),
        ("a.csv", "Superb,1\nAwful,0\n", "no column named text or review, only 'Superb', '1'; .*--text-column"),
        ("a.csv", "text,stars\nSuperb,1\n", "no column named label or sentiment.*--label-column"),
        ("a.csv", "text,review,label\na,b,1\n", "several columns named text or review.*--text-column"),
        ("a.json", "[]", r"training reads \.csv.* jq -c '\.\[\]' a\.json > a\.jsonl"),
        ("a.xlsx", "PK", "training reads .*; convert it"),
        ("a.csv.gz", "text,label\n", "cannot be read, or is damaged"),
    ],
)
def test_file_that_cannot_be_used_says_why(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(write(tmp_path / name, content))
    with pytest.raises(SourceError, match="No such file"):
        read(tmp_path / f"missing-{name}" if name.endswith("csv") else tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("my.csv", True),
        ("my.TSV.xz", True),
        ("my.json", True),
        ("aclImdb_v1.tar.gz", False),
        ("imdb.npz", False),
        ("my", False),
    ],
)
def test_names_say_what_holds_rows(path: str, holds: bool) -> None:
    assert holds_rows(path) is holds
