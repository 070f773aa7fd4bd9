"""CSV, JSON Lines and Parquet as people have them, whole and malformed; bulk scoring and training read them alike."""

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.records import (
    CHUNK_ROWS,
    COMPRESSIONS,
    MAX_LINE,
    BadLine,
    ColumnMissing,
    FileUnreadable,
    ParsedRow,
    find_column,
    read_chunks,
    read_layout,
)

VALUES = [("Superb, „wirklich“ schön", "1"), ('He said "no".\nTwice.', "0"), ("Fine; it's a film", "1")]
CSV = 'text,label\n"Superb, „wirklich“ schön",1\n"He said ""no"".\nTwice.",0\nFine; it\'s a film,1\n'
JSONL = (
    '{"text": "Superb, „wirklich“ schön", "label": "1"}\n'
    '{"text": "He said \\"no\\".\\nTwice.", "label": "0"}\n'
    '{"text": "Fine; it\'s a film", "label": "1"}\n'
)


needs_zstd = pytest.mark.skipif(
    COMPRESSIONS[".zst"] is None, reason="backports.zstd of requirements/development.txt is not installed"
)


def zst(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue().to_pybytes())


def read(path: Path, content: bytes | str) -> list[ParsedRow | BadLine]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [row for chunk in read_chunks(path) for row in chunk.rows(["text", "label"])]


def texts(rows: list[ParsedRow | BadLine]) -> list[str]:
    return [row.values["text"] if isinstance(row, ParsedRow) else f"bad: {row.text}" for row in rows]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.csv", CSV.encode()),
        ("my.CSV", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode().replace(b".\r\nTwice", b".\nTwice")),
        ("my.tsv", CSV.replace(",1", "\t1").replace(",0", "\t0").replace("text,label", "text\tlabel").encode()),
        ("my.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("my.csv.bz2", bz2.compress(b"\n\n" + CSV.encode())),
        pytest.param("my.csv.zst", zst(CSV.encode()), marks=needs_zstd),
        ("my.jsonl", JSONL.encode()),
        ("my.jsonl", b"\xef\xbb\xbf" + JSONL.replace("\n", "\r\n\r\n").encode()),
        ("my.ndjson.xz", lzma.compress(JSONL.encode())),
    ],
)
def test_rows_of_every_format_are_the_same(tmp_path: Path, name: str, content: bytes) -> None:
    rows = read(tmp_path / name, content)
    assert [(row.values["text"], row.values["label"]) for row in rows if isinstance(row, ParsedRow)] == VALUES


@pytest.mark.parametrize(
    ("header", "separator", "columns"),
    [
        ('"title, original";review', ";", ("title, original", "review")),
        ('"a ""b, c"", d, e";f;g', ";", ('a "b, c", d, e', "f", "g")),
        ('"one, two;\n\t\t\t",review,id', ",", ("one, two;\n\t\t\t", "review", "id")),
        ('"only, one"', ",", ("only, one",)),
        (f"id,{'x' * 140_000}", ",", ("id", "x" * 140_000)),
    ],
    ids=["semicolon", "quotes", "line ends", "one column", "long"],
)
def test_separators_in_quotes_do_not_count(
    tmp_path: Path, header: str, separator: str, columns: tuple[str, ...]
) -> None:
    (tmp_path / "my.csv").write_text(f"{header}\n")
    layout = read_layout(tmp_path / "my.csv")
    assert (layout.separator, layout.columns) == (separator, columns)


def test_parquet_rows_are_numbered(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b", "c"]}), tmp_path / "my.parquet", row_group_size=2)
    path = tmp_path / "my.parquet"
    chunks = list(read_chunks(path, 2))
    assert [(chunk.part, [row.line for row in chunk.rows(["text"])]) for chunk in chunks] == [(0, [1, 2]), (1, [3])]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("only one", "1 fields, but the header has 2"),
        ("well, yes,1", "3 fields, but the header has 2"),
        ('"open,1', "not valid CSV"),
        ('"so "called" art",1', "not valid CSV"),
        ("caf\udce9,1", "not UTF-8"),
    ],
)
def test_bad_line_of_csv_does_not_affect_the_others(tmp_path: Path, bad: str, reason: str) -> None:
    lines = ["text,label", "fine,1", bad, *(f"fine {i},0" for i in range(1000)), '"also, ""fine""",1']
    rows = read(tmp_path / "my.csv", "\n".join(lines).encode(errors="surrogateescape"))
    (found,) = (row for row in rows if isinstance(row, BadLine))
    assert found.line == 3
    assert reason in found.reason
    assert found.text == bad.replace("\udce9", "\\xe9")
    assert len(rows) == 1003
    assert texts(rows)[-1] == 'also, "fine"'


def test_two_unclosed_quotes_cost_two_lines(tmp_path: Path) -> None:
    rows = read(tmp_path / "my.csv", 'text,label\n"open,1\nfine,0\nx"y,1\n"open again,0\nfine,1\n')
    assert texts(rows) == ['bad: "open,1', "fine", 'x"y', 'bad: "open again,0', "fine"]


def test_unclosed_quote_does_not_affect_records_of_several_lines(tmp_path: Path) -> None:
    records = "".join(f'"fine {i}\nfilm, ""yes""",{i}\n' for i in range(100))
    rows = read(tmp_path / "my.csv", f'text,label\n"open,1\n{records}')
    assert texts(rows) == ['bad: "open,1', *(f'fine {i}\nfilm, "yes"' for i in range(100))]
    assert [row.line for row in rows] == [2, *range(3, 203, 2)]


@pytest.mark.parametrize(
    ("record", "values"),
    [
        ('"a\nb",1', ("a\nb", "1")),
        ('"a\r\n""b""\n",""', ('a\r\n"b"\n', "")),
        ('5" x 3",",\n"', ('5" x 3"', ",\n")),
        ('"a, ""\n"""" b","1"', ('a, "\n"" b', "1")),
        ('"""\n""","1,\n"', ('"\n"', "1,\n")),
    ],
)
def test_record_of_several_lines_is_one_row(tmp_path: Path, record: str, values: tuple[str, str]) -> None:
    rows = read(tmp_path / "my.csv", f"text,label\n{record}\nfine,0\n{record}")
    assert [tuple(row.values.values()) for row in rows if isinstance(row, ParsedRow)] == [values, ("fine", "0"), values]


def test_record_of_several_lines_that_is_not_utf8_is_one_bad_line(tmp_path: Path) -> None:
    rows = read(tmp_path / "my.csv", b'text,label\n"caf\xe9,\nfine",1\nfine,0\n')
    assert texts(rows) == ['bad: "caf\\xe9,\nfine",1', "fine"]


def test_unclosed_quote_does_not_make_chunks_longer(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text('text,label\n"open,1\n' + "a,1\n" * 100_000 + '"\n' * 1000)
    chunks = [list(chunk.rows(["text"])) for chunk in read_chunks(path)]
    assert max(map(len, chunks)) == CHUNK_ROWS
    assert sum(isinstance(row, ParsedRow) for chunk in chunks for row in chunk) == 100_000


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"text": "fine"', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"text": "\\ud800 fine"}', "not valid JSON"),
        ('{"text": NaN}', "not valid JSON"),
        ('["fine", 1]', "not a JSON object"),
    ],
    ids=["cut off", "deep", "surrogate", "NaN", "array"],
)
def test_bad_line_of_json_does_not_affect_the_others(tmp_path: Path, bad: str, reason: str) -> None:
    first, found, last = read(tmp_path / "my.jsonl", f'{{"text": "a"}}\n{bad}\n{{"text": "b"}}')
    assert isinstance(found, BadLine)
    assert (found.line, found.text) == (2, bad)
    assert reason in found.reason
    assert texts([first, last]) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "before", "bad", "after"),
    [
        ("my.csv", "text,label\nfine,1\n", '"' + "x" * MAX_LINE, "\nfine,1\n"),
        ("my.jsonl", '{"text": "a"}\n', '{"text": "' + "x" * (MAX_LINE + 10), '"}\n{"text": "b"}\n'),
    ],
    ids=["csv", "jsonl"],
)
def test_line_that_is_too_long_does_not_affect_the_others(
    name: str, before: str, bad: str, after: str, tmp_path: Path
) -> None:
    rows = read(tmp_path / name, before + bad + after)
    assert [type(row) for row in rows] == [ParsedRow, BadLine, ParsedRow]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("my.csv", b"", "the file is empty"),
        ("my.csv", "text,label\n".encode("utf-16"), "UTF-16"),
        ("my.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-20], "is damaged"),
        ("my.csv.xz", b"not xz", "is damaged"),
        pytest.param("my.csv.zst", zst(CSV.encode())[:-5], "is damaged", marks=needs_zstd),
        pytest.param("my.csv.zst", b"not zst", "is damaged", marks=needs_zstd),
        ("my.parquet", b"PAR1", "is damaged"),
        ("my.csv", CSV.replace("\n", "\r").encode(), "a carriage return alone"),
        ("my.csv", b'text,"label\nfine,1\n', "the header is not valid CSV"),
    ],
    ids=["empty", "UTF-16", "cut off", "not xz", "zst cut off", "not zst", "not Parquet", "CR", "quote"],
)
def test_file_that_cannot_be_read_is_an_error_with_its_name(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(FileUnreadable, match=f"{name}.*{reason}"):
        read(tmp_path / name, content)


def test_rows_before_the_damage_are_read(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl.gz"
    path.write_bytes(gzip.compress(JSONL.encode()) + b"not gzip")
    chunks = read_chunks(path)
    assert [row.values["label"] for row in next(chunks).rows([]) if isinstance(row, ParsedRow)] == ["1", "0", "1"]
    with pytest.raises(FileUnreadable, match="is damaged"):
        next(chunks)


def test_parquet_value_that_python_cannot_represent_is_none(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array([b"fine", b"caf\xe9"]).view(pa.string())})
    pq.write_table(table, tmp_path / "my.parquet")
    path = tmp_path / "my.parquet"
    (chunk,) = read_chunks(path)
    assert [row.values["text"] for row in chunk.rows(["text"]) if isinstance(row, ParsedRow)] == ["fine", None]


def test_column_is_found_in_any_case_and_never_guessed(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text(" Review ,id,ID\n")
    path, layout = tmp_path / "my.csv", read_layout(tmp_path / "my.csv")
    assert find_column(path, layout, ["review", "text"], "--text") == " Review "
    for names in (["body"], ["id"]):
        with pytest.raises(ColumnMissing, match=r"my\.csv: .* choose one with --text"):
            find_column(path, layout, names, "--text")
