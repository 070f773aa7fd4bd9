"""Where rows begin and end, whatever the file looks like and however it is read."""

import csv
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bulk.records import LONGEST_RECORD, MALFORMED, TOO_LONG, Record, fields, records
from app.bulk.sources import line_of

# No carriage return by itself: the library does not quote one, so that nobody could tell it from a line end.
FIELDS = st.lists(st.sampled_from(["a", ",", '"', "\n", "\r\n", " ", "é"]), max_size=6).map("".join)


def cut(content: bytes, size: int = 1 << 20, format_: str = "csv") -> list[Record]:
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    return list(records(blocks, format_))  # type: ignore[arg-type]


def rows_of(found: list[Record]) -> list[list[str]]:
    return [fields(line_of(record.content.decode())) for record in found if not record.objection]


@given(
    st.lists(st.lists(FIELDS, min_size=2, max_size=3), max_size=4), st.integers(1, 12), st.sampled_from(["\n", "\r\n"])
)
def test_csv_that_was_written_by_the_library_is_read_as_it_was(rows: list[list[str]], size: int, end: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end).writerows(rows)
    found = cut(file.getvalue().encode(), size)
    assert rows_of(found) == rows
    assert sum(record.size for record in found) == len(file.getvalue().encode())


@given(st.binary(max_size=60) | st.text(st.sampled_from('a,"\n\r'), max_size=40).map(str.encode), st.integers(1, 9))
def test_records_do_not_depend_on_the_blocks_and_lose_nothing(content: bytes, size: int) -> None:
    for format_ in ("csv", "jsonl"):
        whole = cut(content, format_=format_)
        assert cut(content, size, format_) == whole
        assert b"".join(record.content for record in whole) == content


@given(st.text(st.sampled_from('a,"\n'), max_size=60).map(str.encode), st.data())
def test_records_of_a_range_are_those_of_the_whole(content: bytes, data: st.DataObject) -> None:
    """A worker reads only its chunk, and must see the rows that the plan saw."""
    whole = cut(content)
    first = data.draw(st.integers(0, len(whole)))
    last = data.draw(st.integers(first, len(whole)))
    start, end = (sum(record.size for record in whole[:i]) for i in (first, last))
    assert cut(content[start:end]) == whole[first:last]


@pytest.mark.parametrize(
    "bad",
    [b'2,"never closed\n', b'2,"closed" and more\n', b'2,"He said \\"no\\"."\n', b'2,"a"b"c"\n'],
    ids=["unclosed quote", "text behind the quote", "backslashes", "quotes not doubled"],
)
def test_malformed_line_does_not_hide_the_next(bad: bytes) -> None:
    good = [b'1,"one\nand more"\n', b"3,three\n", b'4,"fo""ur"\n', b'5,5" by 7"\n']
    found = cut(good[0] + bad + b"".join(good[1:]))
    assert [record.content for record in found] == [good[0], bad, *good[1:]]
    assert [record.objection for record in found] == [None, MALFORMED, None, None, None]


def test_record_longer_than_any_row_is_one_bad_row() -> None:
    long = b"x" * (LONGEST_RECORD + 10) + b"\n"
    for format_ in ("csv", "jsonl"):
        for size in (1 << 20, 3_000_001):
            found = cut(b"a\n" + long + b"b\n" + long[:-1], size, format_)
            assert [record.objection for record in found] == [None, TOO_LONG, None, TOO_LONG]
            assert [record.size for record in found] == [2, len(long), 2, len(long) - 1]
            assert all(len(record.content) < 2000 for record in found)


def test_quote_that_is_open_for_too_long_costs_one_line() -> None:
    lines = [b'1,"open\n', *(b"%d,text of the row\n" % i for i in range(600_000))]
    found = cut(b"".join(lines))
    assert len(found) == len(lines)
    assert [i for i, record in enumerate(found) if record.objection] == [0]


def test_field_longer_than_any_row_is_read_line_by_line() -> None:
    """It cannot be told from a quote never closed, whose lines are not to be lost."""
    found = cut(b'1,"' + b"line\n" * 2_000_000 + b'end"\n2,good\n')
    assert [record.content for record in found[:2]] == [b'1,"line\n', b"line\n"]
    assert [i for i, record in enumerate(found) if record.objection] == [0]
    assert [record.content for record in found[-2:]] == [b'end"\n', b"2,good\n"]


def test_byte_order_mark_fills_no_line() -> None:
    found = cut(b"\xef\xbb\xbf\r\nreview\ngood\n\xef\xbb\xbfgood\n")
    assert [record.is_blank for record in found] == [True, False, False, False]


def test_time_is_linear_whatever_comes() -> None:
    rng = random.Random(0)
    for pattern in (b'"', b'""', b'",', b',"', b'"\n', b'"a\n', b"," * 50 + b"\n", b'""""a\n'):
        assert sum(record.size for record in cut(pattern * 200_000)) == 200_000 * len(pattern)
    noise = bytes(rng.choices(b'",\na', k=500_000))
    assert sum(record.size for record in cut(noise)) == len(noise)
