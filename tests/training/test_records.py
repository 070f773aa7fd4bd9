"""Reading CSV and JSON Lines, whole and malformed."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from rich.progress import Progress

from tests.training.own import Row, csv_text, jsonl_text, write
from training.errors import SourceError
from training.records import BadRow, Columns, Record, holds_rows, read_records

ROWS: list[Row] = [
    {"text": "Superb, „wirklich“ schön", "label": "1"},
    {"text": 'He said "no".\nTwice.', "label": "0"},
    {"text": "Fine; it's a film", "label": "1"},
]


def read(path: Path, columns: Columns | None = None) -> list[Record | BadRow]:
    return list(read_records(path, columns or Columns(), Progress(disable=True)))


def pairs(found: list[Record | BadRow]) -> list[Row]:
    assert all(isinstance(row, Record) for row in found), found
    return [{"text": row.text, "label": str(row.label)} for row in found if isinstance(row, Record)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.CSV", csv_text(ROWS, end="\r\n").encode()),
        ("my.csv", b"\xef\xbb\xbf" + csv_text(ROWS, ";").encode()),
        ("my.tsv", csv_text(ROWS, "\t").encode() + b"\n\n"),
        ("my.csv.gz", gzip.compress(csv_text(ROWS).encode(), mtime=0)),
        ("my.csv.bz2", bz2.compress(csv_text(ROWS).encode())),
        ("my.jsonl", b"\xef\xbb\xbf\n" + jsonl_text(ROWS).replace("\n", "\r\n\r\n").encode()),
        ("my.ndjson.xz", lzma.compress(jsonl_text(ROWS).encode())),
    ],
)
def test_every_format_gives_the_same_records(tmp_path: Path, name: str, content: bytes) -> None:
    assert pairs(read(write(tmp_path / name, content))) == ROWS


def test_places_are_the_first_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", csv_text(ROWS))
    assert [row.place for row in read(path)] == ["my.csv:2", "my.csv:3", "my.csv:5"]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", "ID,Sentiment,stars,Review,split\n7,positive,9,Superb,test\n")
    assert read(path) == [Record("my.csv:2", "Superb", "positive", "test", "7")]
    path = write(tmp_path / "my.jsonl", '{"ID": 7, "Sentiment": true, "Review": "Superb"}\n')
    assert read(path) == [Record("my.jsonl:1", "Superb", True, None, 7)]
    path = write(tmp_path / "my.csv", "text,body,label,Mood\nx,Superb,1,0\n")
    assert read(path, Columns(("body",), ("mood",))) == [Record("my.csv:2", "Superb", "0")]


@pytest.mark.parametrize(
    ("name", "bad", "reason"),
    [
        ("my.csv", "only one", "1 fields"),
        ("my.csv", "well, yes,1", "3 fields"),
        ("my.csv", '"open,1', "never closed"),
        ("my.csv", '"so "called" art",1', "inside"),
        ("my.csv", f'"{"x" * 140_000}",1', "longer than 131,072"),
        ("my.jsonl", '{"text": "fine"', "not JSON: Expecting ',' delimiter at character 16"),
        ("my.jsonl", "[" * 100_000, "not JSON"),
        ("my.jsonl", '["fine", 1]', "not a JSON object"),
        ("my.jsonl", '{"text": "x"}', "no field label"),
        ("my.jsonl", '{"text": "x", "review": "y", "label": 1}', "both text and review"),
    ],
    ids=lambda value: value[:30],
)
def test_bad_row_is_named_and_the_others_are_read(tmp_path: Path, name: str, bad: str, reason: str) -> None:
    good: list[Row] = [{"text": "fine", "label": "1"}, {"text": "fine", "label": "0"}]
    if name == "my.csv":
        content = f"text,label\nfine,1\n{bad}\nfine,0\n"
    else:
        content = jsonl_text(good[:1]) + f"{bad}\n" + jsonl_text(good[1:])
    first, problem, last = read(write(tmp_path / name, content))
    assert isinstance(problem, BadRow)
    assert problem.place == f"{name}:{3 if name == 'my.csv' else 2}"
    assert reason in problem.reason
    assert pairs([first, last]) == good


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"\xef\xbb\xbf\n \n", "empty"),
        ("a.csv", b"text,label\n", "no row below"),
        ("a.csv", b"Superb,1\nAwful,0\n", "no column text or review; .* 'Superb', '1'.*--text-column"),
        ("a.csv", b"text,review,label\na,b,1\n", "text, review.*--text-column"),
        ("a.csv", "text,label\nfine,1\n".encode("utf-16-le"), "UTF-16"),
        ("a.csv.gz", gzip.compress(b"text,label\nfine,1\n" * 99, mtime=0)[:-20], "damaged"),
        ("a.json", b'[{"text": "fine", "label": 1}]', r"jq -c '\.\[\]' a\.json > a\.jsonl"),
        ("a.xlsx", b"PK", "save the table as CSV"),
        ("a.csv.ZST", b"\x28\xb5\x2f\xfd", r"\.zst; .* one of \.gz, \.bz2, \.xz"),
    ],
)
def test_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(write(tmp_path / name, content))


def test_names_tell_files_of_rows_from_archives(tmp_path: Path) -> None:
    for name in ("my.csv", "a/MY.CSV.GZ", "my.jsonl.xz", "my.json", "my.csv.zst"):
        assert holds_rows(name)
    for name in ("aclImdb_v1.tar.gz", "aclImdb", "keras", "my.csv.tar", "aclImdb.tar.zst", "my.zip"):
        assert not holds_rows(name)
    (tmp_path / "my.csv").mkdir()
    assert not holds_rows(str(tmp_path / "my.csv"))
    with pytest.raises(SourceError, match="no such file"):
        read(tmp_path / "nowhere.csv")
