"""Reading labelled texts; tests/training/test_collection.py has more of the same reader."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.evaluation.labelled import read_labelled
from app.model.errors import SentimentError


def test_labelled_texts_are_read_from_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,text\npos,Superb\nneg,Awful\n")
    (tmp_path / "a.jsonl").write_text('{"text": "Superb", "label": true}\n{"text": "Awful", "label": 0}\n')
    pq.write_table(pa.table({"review": ["Superb", "Awful"], "sentiment": [1, 0]}), tmp_path / "a.parquet")
    for path in tmp_path.iterdir():
        found = read_labelled(path, None, None, skip_bad_rows=False)
        assert (found.texts, found.labels.tolist()) == (["Superb", "Awful"], [1, 0])
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_labelled(tmp_path / "a.csv", None, None, skip_bad_rows=False).places == ["a.csv:2", "a.csv:3"]


def test_bad_rows_stop_or_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("body,stars\nSuperb,1\n,1\n...,0\nAwful,3\nAwful,0\n")
    with pytest.raises(SentimentError) as raised:
        read_labelled(path, "body", "stars", skip_bad_rows=False)
    for part in ("3 of 5 rows", "my.csv:3: the text is blank", "my.csv:4: the text has no words", "unknown label '3'"):
        assert part in str(raised.value)
    found = read_labelled(path, "body", "stars", skip_bad_rows=True)
    assert (found.texts, found.skipped) == (["Superb", "Awful"], 3)
