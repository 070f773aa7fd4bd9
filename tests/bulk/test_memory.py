"""Memory does not grow with the files."""

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bulk.jobs import command, reviews, settings, write_csv
from tests.servers import ROOT

pytestmark = pytest.mark.slow

ROWS = 8000
"""Rows of the small file, 10 MB of text."""

ALLOWANCE = 40e6
"""Bytes that a file with ten times the rows may take on top; it is 90 MB larger."""


def peak(source: Path, output: Path, code: int = 0) -> int:
    """Peak memory of the process that reads and writes, in bytes; each worker has at most three chunks."""
    line = command(source, output, "--workers", 2)
    done = subprocess.run(line, cwd=ROOT, env=settings(), capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    memory: int = json.loads(done.stdout)["run"]["memory"]
    return memory


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_memory_does_not_grow_with_the_file(name: str, tmp_path: Path) -> None:
    texts = [" ".join(reviews(8, seed)) for seed in range(500)]
    peaks = []
    for times in (1, 10):
        source = tmp_path / f"{times}-{name}"
        rows = [f"{texts[i % 500]} {i}" for i in range(ROWS * times)]
        if name.endswith("parquet"):
            pq.write_table(pa.table({"review": rows}), source, row_group_size=len(rows), use_dictionary=False)
        else:
            write_csv(source, rows)
        peaks.append(peak(source, tmp_path / f"out{times}"))
    assert peaks[1] < peaks[0] + ALLOWANCE, peaks


def test_memory_does_not_grow_with_bad_lines(tmp_path: Path) -> None:
    peaks = []
    for count in (4000, 400_000):
        source = tmp_path / f"{count}.csv"
        source.write_text("review,id\n" + "".join(f"no good {i}\n" for i in range(count)))
        peaks.append(peak(source, tmp_path / f"out-{count}.csv", code=3))
    assert peaks[1] < peaks[0] + ALLOWANCE, peaks
