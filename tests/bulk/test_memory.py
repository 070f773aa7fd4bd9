"""Files may be larger than memory: eight times the file takes no more of it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bulk.jobs import reviews, succeed, write_csv, write_jsonl

SMALL = 16_000
"""Rows; some 20 MB of text."""

ALLOWANCE = 40e6
"""Bytes that the large file may take beyond the small one, of the 140 MB that it is larger."""


def write(path: Path, rows: int) -> None:
    texts = [" ".join(reviews(8, seed)) for seed in range(1000)]
    texts = [f"{texts[i % 1000]} {i}" for i in range(rows)]
    if path.suffix == ".parquet":
        # One row group that nobody could hold.
        pq.write_table(pa.table({"review": texts}), path, row_group_size=rows, use_dictionary=False)
    else:
        (write_jsonl if path.suffix == ".jsonl" else write_csv)(path, texts)


def peak(source: Path, output: Path) -> int:
    """Bytes that the largest process of a job held."""
    summary = succeed(source, output, "--workers", 2)
    assert summary["rows"]["scored"] > 0
    most: int = max(summary["run"]["memory"], summary["run"]["memory_of_a_worker"])
    return most


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet"])
def test_memory_does_not_grow_with_the_file(name: str, tmp_path: Path) -> None:
    peaks = []
    for times in (1, 8):
        source = tmp_path / f"{times}-{name}"
        write(source, SMALL * times)
        peaks.append(peak(source, tmp_path / f"out{times}"))
        source.unlink()
    assert peaks[1] < peaks[0] + ALLOWANCE, peaks
    assert peaks[1] < 400e6, peaks
