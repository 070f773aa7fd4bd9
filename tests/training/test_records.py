"""CSV and JSON Lines as people have them, whole and malformed."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from rich.progress import Progress

from tests.training.own import Row, csv_text, jsonl_text, write
from training.errors import SourceError
from training.records import BadRow, Columns, Record, holds_rows, read_records

PROGRESS = Progress(disable=True)
ROWS: list[Row] = [
    {"text": "Superb, „wirklich“ schön", "label": "1"},
    {"text": 'He said "no".\nTwice.', "label": "0"},
    {"text": "Fine; it's a film", "label": "1"},
]


def read(path: Path, columns: Columns | None = None) -> list[Record | BadRow]:
    return list(read_records(path, columns or Columns(), PROGRESS))


def pairs(found: list[Record | BadRow]) -> list[Row]:
    assert all(isinstance(row, Record) for row in found), found
    return [{"text": row.text, "label": row.label} for row in found if isinstance(row, Record)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.csv", csv_text(ROWS).encode()),
        ("my.CSV", csv_text(ROWS, end="\r\n").encode()),
        ("my.csv", b"\xef\xbb\xbf" + csv_text(ROWS, ";").encode()),
        ("my.csv", csv_text(ROWS, "\t").encode() + b"\n\n"),
        ("my.tsv", csv_text(ROWS, "\t").encode()),
        ("my.csv.gz", gzip.compress(csv_text(ROWS).encode(), mtime=0)),
        ("my.csv.bz2", bz2.compress(csv_text(ROWS).encode())),
        ("my.jsonl", jsonl_text(ROWS).encode()),
        ("my.jsonl", b"\xef\xbb\xbf\n" + jsonl_text(ROWS).replace("\n", "\r\n\r\n").encode()),
        ("my.ndjson.xz", lzma.compress(jsonl_text(ROWS).encode())),
    ],
)
def test_records_of_every_form_are_the_same(tmp_path: Path, name: str, content: bytes) -> None:
    assert pairs(read(write(tmp_path / name, content))) == ROWS


def test_records_have_places_by_their_first_line(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", csv_text(ROWS))
    assert [row.place for row in read(path)] == ["my.csv:2", "my.csv:3", "my.csv:5"]


def test_records_find_columns_in_any_order_and_case(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", "ID,Sentiment,stars,Review,split\n7,positive,9,Superb,test\n")
    assert read(path) == [Record("my.csv:2", "Superb", "positive", "test", "7")]
    path = write(tmp_path / "my.jsonl", '{"ID": 7, "Sentiment": true, "Review": "Superb"}\n')
    assert read(path) == [Record("my.jsonl:1", "Superb", True, None, 7)]


def test_records_of_named_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", "text,body,label,Mood\nx,Superb,1,0\n")
    assert read(path, Columns(("body",), ("mood",))) == [Record("my.csv:2", "Superb", "0")]


@pytest.mark.parametrize(
    ("bad", "line", "reason"),
    [
        ("only one", 3, "1 fields, the first line names 2"),
        ("well, yes,1", 3, "3 fields, the first line names 2"),
        ('"open,1', 3, "never closed"),
        ('"so "called" art",1', 3, "stands inside"),
        (f'"{"x" * 140_000}",1', 3, "longer than 131,072"),
        ('"two\nlines",1,2', 3, "3 fields, the first line names 2"),
    ],
    ids=["few fields", "many fields", "open quote", "inner quote", "long", "two lines"],
)
def test_bad_row_of_csv_is_named_and_the_others_read(tmp_path: Path, bad: str, line: int, reason: str) -> None:
    path = write(tmp_path / "my.csv", f"text,label\nfine,1\n{bad}\nfine,0\n")
    first, problem, last = read(path)
    assert isinstance(problem, BadRow)
    assert problem.place == f"my.csv:{line}"
    assert reason in problem.reason
    assert pairs([first, last]) == [{"text": "fine", "label": "1"}, {"text": "fine", "label": "0"}]


def test_open_quote_that_another_one_closes_costs_one_row(tmp_path: Path) -> None:
    found = read(write(tmp_path / "my.csv", 'text,label\n"open,1\nfine,0\n"shut",1\n'))
    assert isinstance(found[0], BadRow)
    assert found[0].place == "my.csv:2"
    assert "or one is not closed" in found[0].reason
    assert pairs(found[1:]) == [{"text": "fine", "label": "0"}, {"text": "shut", "label": "1"}]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"text": "fine"', "not JSON: Expecting ',' delimiter at character 16"),
        ("[" * 100_000, "not JSON"),
        ('{"text": "x", "label": 1' + "0" * 5000 + "}", "not JSON"),
        ('["fine", 1]', "not a JSON object"),
        ('{"text": "x"}', "no field label or sentiment"),
        ('{"label": 1}', "no field text or review"),
        ('{"text": "x", "review": "y", "label": 1}', "both text and review are there"),
    ],
    ids=["broken", "deep", "number", "array", "no label", "no text", "two texts"],
)
def test_bad_row_of_json_lines_is_named_and_the_others_read(tmp_path: Path, bad: str, reason: str) -> None:
    good = [{"text": "fine", "label": 1}, {"text": "fine", "label": 0}]
    first, problem, last = read(write(tmp_path / "my.jsonl", jsonl_text(good[:1]) + f"{bad}\n" + jsonl_text(good[1:])))
    assert isinstance(problem, BadRow)
    assert problem.place == "my.jsonl:2"
    assert reason in problem.reason
    assert pairs([first, last]) == good


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"\xef\xbb\xbf\n \n", "the file is empty"),
        ("a.jsonl", b"\n\n", "the file is empty"),
        ("a.csv", b"text,label\n", "no row below"),
        ("a.csv", b"Superb,1\nAwful,0\n", r"no column text or review; .* it names 'Superb', '1'.*--text-column"),
        ("a.csv", b"text,stars\nSuperb,1\n", "no column label or sentiment.*--label-column"),
        ("a.csv", b"text,review,label\na,b,1\n", "more than one column could be the text: text, review.*--text-column"),
        ("a.csv", b"text,label,Label\na,1,1\n", "more than one column could be the label"),
        ("a.csv", "text,label\nfine,1\n".encode("utf-16"), "UTF-16"),
        ("a.csv", "text,label\nfine,1\n".encode("utf-16-le"), "UTF-16"),
        ("a.csv.gz", gzip.compress(b"text,label\nfine,1\n" * 99, mtime=0)[:-20], "damaged"),
        ("a.csv.gz", b"\x1f\x8b no gzip", "damaged"),
        ("a.json", b'[{"text": "fine", "label": 1}]', r"jq -c '\.\[\]' a\.json > a\.jsonl"),
        ("a.xlsx", b"PK", "save the table as CSV"),
        ("a.csv.zst", b"\x28\xb5\x2f\xfd", r"does not read \.zst; .* as one of \.gz, \.bz2, \.xz"),
        ("a.jsonl.ZIP", b"PK", r"does not read \.zip; .* as one of \.gz, \.bz2, \.xz"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(write(tmp_path / name, content))


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv: no such file"):
        read(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("my.csv", True),
        ("a/MY.CSV.GZ", True),
        ("my.jsonl.xz", True),
        ("my.json", True),
        ("my.csv.zst", True),
        ("my.jsonl.zip", True),
        ("aclImdb_v1.tar.gz", False),
        ("aclImdb", False),
        ("keras", False),
        ("my.csv.tar", False),
        ("aclImdb.tar.zst", False),
        ("my.zip", False),
    ],
)
def test_names_say_what_holds_rows(path: str, holds: bool) -> None:
    assert holds_rows(path) is holds


def test_a_folder_named_like_a_file_holds_none(tmp_path: Path) -> None:
    (tmp_path / "my.csv").mkdir()
    assert not holds_rows(str(tmp_path / "my.csv"))
