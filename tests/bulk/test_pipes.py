"""`-` stands for standard input and standard output."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    succeed,
    write_csv,
    write_jsonl,
)
from tests.servers import ROOT

pytestmark = pytest.mark.slow
TEXTS = reviews(1500)


def piped(*arguments: object, stdin: bytes = b"", code: int = 0) -> tuple[bytes, dict[str, Any]]:
    """Run a job; returns its standard output, and its summary from the last line of standard error."""
    done = subprocess.run(
        command(*arguments), cwd=ROOT, env=settings(), capture_output=True, timeout=PATIENCE, input=stdin
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_pipe_has_the_bytes_of_a_file(name: str, tmp_path: Path) -> None:
    source = (write_jsonl if name.endswith("jsonl") else write_csv)(tmp_path / name, TEXTS)
    expected = tmp_path / f"out-{name}"
    succeed(source, expected)
    options = ["--format", "csv"] if name == "a.csv" else []
    found, summary = piped("-", "-", *options, stdin=source.read_bytes())
    assert found == expected.read_bytes()
    assert (summary["rows"], summary["complete"]) == (len(TEXTS), True)
    found, _ = piped(source, "-")
    assert found == expected.read_bytes()
    output = tmp_path / "from-pipe"
    done = subprocess.run(command("-", output, *options), cwd=ROOT, env=settings(), input=source.read_bytes())
    assert done.returncode == 0
    assert [row["review"] for row in rows_of(output)] == TEXTS
    assert [part.suffix for part in parts(output)] == [source.suffix]


def test_bad_lines_of_a_pipe_go_to_standard_error() -> None:
    done = subprocess.run(
        command("-", "-"),
        cwd=ROOT,
        env=settings(),
        input='{"review": "good"}\nno JSON\n{"review": " "}\n',
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert [json.loads(line)["review"] for line in done.stdout.splitlines()] == ["good", " "]
    bad, summary = map(json.loads, done.stderr.splitlines())
    assert (bad["file"], bad["line"], bad["text"]) == ("-", 2, "no JSON")
    assert (summary["rows"], summary["errors"], summary["bad_lines"]) == (2, 1, 1)


def test_summary_of_a_pipe_goes_to_standard_error(tmp_path: Path) -> None:
    line = [part for part in command(write_csv(tmp_path / "a.csv", ["good"]), "-") if part != "--json"]
    done = subprocess.run(line, cwd=ROOT, env=settings(), capture_output=True, text=True)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    assert "1 rows in" in done.stderr
    assert "standard output" in done.stderr


def test_pipe_is_scored_while_it_is_written() -> None:
    """The input never ends, and the reader of the output leaves: `yes … | bulk - - | head`."""
    endless = 'import sys\nwhile True: sys.stdout.write(\'{"review": "a superb film"}\\n\')'
    source = subprocess.Popen([sys.executable, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    job = subprocess.Popen(
        command("-", "-"), cwd=ROOT, env=settings(), stdin=source.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert source.stdout
    assert job.stdout
    assert job.stderr
    source.stdout.close()
    assert json.loads(job.stdout.readline())["sentiment"] == "positive"
    job.stdout.close()
    errors = job.stderr.read()
    assert job.wait(PATIENCE) == 1
    assert errors == b""
    source.wait(PATIENCE)
    job.stderr.close()


def test_full_device_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(write_csv(tmp_path / "a.csv", TEXTS), "-"),
            cwd=ROOT,
            env=settings(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "error: standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", [], "standard input: the file is empty"),
        (b"id,review\n1,good\n", [], "no column named review or text"),
        (b'id,review\n1,good\n2,"open', ["--format", "csv"], ""),
    ],
)
def test_pipe_that_cannot_be_scored_says_why(content: bytes, options: list[str], message: str) -> None:
    done = subprocess.run(command("-", "-", *options), cwd=ROOT, env=settings(), input=content, capture_output=True)
    assert done.returncode == (3 if not message else 1 if "empty" in message else 2)
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr


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
    with subprocess.Popen(
        command("-", "-"),
        cwd=ROOT,
        env=settings(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as job:
        assert job.stdin is not None
        job.stdin.write(b" " * 200_000)  # more than a pipe holds, so that the job is reading now
        job.send_signal(signal.SIGINT)
        shown, errors = job.communicate(timeout=PATIENCE)
    assert (job.returncode, shown, errors) == (130, b"", b"")
