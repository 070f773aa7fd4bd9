"""`-` stands for standard input and standard output."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bulk.jobs import (
    PATIENCE,
    command,
    error_of,
    parts,
    reviews,
    rows_of,
    settings,
    started,
    succeed,
    write_csv,
    write_jsonl,
)
from tests.servers import ROOT

pytestmark = pytest.mark.slow
TEXTS = reviews(1500)


def piped(
    *arguments: object, stdin: bytes = b"", code: int = 0, stdout: int | IO[bytes] = subprocess.PIPE
) -> tuple[bytes, str]:
    """Run a job; returns its standard output and standard error."""
    done = subprocess.run(
        command(*arguments), cwd=ROOT, env=settings(), stdout=stdout, stderr=subprocess.PIPE, input=stdin
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout, done.stderr.decode()


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_pipe_has_the_bytes_of_a_file(name: str, tmp_path: Path) -> None:
    source = (write_jsonl if name.endswith("jsonl") else write_csv)(tmp_path / name, TEXTS)
    succeed(source, tmp_path / f"out-{name}")
    expected = (tmp_path / f"out-{name}").read_bytes()
    options = ["--format", "csv"] if name == "a.csv" else []
    found, errors = piped("-", "-", *options, stdin=source.read_bytes())
    assert found == expected
    assert json.loads(errors)["rows"] == len(TEXTS)
    assert piped(source, "-")[0] == expected
    piped("-", tmp_path / "out", *options, stdin=source.read_bytes())
    assert [row["review"] for row in rows_of(tmp_path / "out")] == TEXTS
    assert [part.suffix for part in parts(tmp_path / "out")] == [source.suffix]


def test_bad_lines_and_summary_of_a_pipe_go_to_standard_error(tmp_path: Path) -> None:
    found, errors = piped("-", "-", stdin=b'{"review": "good"}\nno JSON\n{"review": " "}\n', code=3)
    assert [json.loads(line)["review"] for line in found.splitlines()] == ["good", " "]
    bad, summary = map(json.loads, errors.splitlines())
    assert (bad["file"], bad["line"], bad["text"]) == ("-", 2, "no JSON")
    assert (summary["rows"], summary["errors"], summary["bad_lines"]) == (2, 1, 1)
    line = [part for part in command(write_csv(tmp_path / "a.csv", ["good"]), "-") if part != "--json"]
    done = subprocess.run(line, cwd=ROOT, env=settings(), capture_output=True, text=True)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    assert done.stderr.startswith("1 rows in ")
    assert done.stderr.endswith("-> standard output\n")


def test_pipe_is_scored_while_it_is_written() -> None:
    """The input never ends, and the reader of the output leaves: `yes … | bulk - - | head`."""
    endless = 'import sys\nwhile True: sys.stdout.write(\'{"review": "a superb film"}\\n\')'
    with (
        subprocess.Popen([sys.executable, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source,
        subprocess.Popen(
            command("-", "-"),
            cwd=ROOT,
            env=settings(),
            stdin=source.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as job,
    ):
        assert source.stdout
        assert job.stdout
        assert job.stderr
        source.stdout.close()
        assert json.loads(job.stdout.readline())["sentiment"] == "positive"
        job.stdout.close()
        assert (job.stderr.read(), job.wait(PATIENCE)) == (b"", 1)


def test_full_device_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        _, errors = piped(write_csv(tmp_path / "a.csv", TEXTS), "-", code=1, stdout=full)
    assert errors == "error: standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("content", "options", "code", "message"),
    [
        (b"", [], 1, "standard input: the file is empty"),
        (b"id,review\n1,good\n", [], 2, "no column named review or text"),
        (b'id,review\n1,good\n2,"open', ["--format", "csv"], 3, "not valid CSV"),
    ],
)
def test_pipe_that_cannot_be_scored_says_why(content: bytes, options: list[str], code: int, message: str) -> None:
    assert message in piped("-", "-", *options, stdin=content, code=code)[1]


def test_what_a_pipe_cannot_do_is_rejected(tmp_path: Path) -> None:
    pq.write_table(pa.table({"review": ["good"]}), tmp_path / "a.parquet")
    source = write_csv(tmp_path / "a.csv", ["good"])
    assert "Parquet needs a file" in error_of(tmp_path / "a.parquet", "-")
    assert "'parquet' is not one of" in error_of("-", "-", "--format", "parquet")
    assert "--format is for standard input" in error_of(source, "-", "--format", "jsonl")
    for arguments in (("-", tmp_path / "out"), (source, "-")):
        assert "--resume needs files" in error_of(*arguments, "--resume")


def test_stop_while_standard_input_is_awaited() -> None:
    """Nothing was written, so there is nothing to say."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        pytest.skip("this signal is ignored here, as in the background of a script")
    with started(command("-", "-"), settings(), stdin=subprocess.PIPE) as job:
        assert job.stdin is not None
        job.stdin.write(" " * 200_000)  # more than a pipe holds, so that the job is reading now
        job.send_signal(signal.SIGINT)
        shown, errors = job.communicate(timeout=PATIENCE)
    assert (job.returncode, shown, errors) == (130, "", "")
