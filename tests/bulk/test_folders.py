"""Folders as they are found: with links, with what is no file, with names that are no text, with the output in them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.bulk.errors import InputError
from app.bulk.sources import find_sources
from tests.bulk.jobs import (
    PATIENCE,
    bad,
    numbers,
    parts,
    refused,
    reviews,
    scored,
    settings,
    succeed,
    write_csv,
    write_jsonl,
)
from tests.servers import ROOT

TEXTS = reviews(3)


def test_linked_folders_are_scored_once_whatever_circle_they_make(tmp_path: Path) -> None:
    for folder in ("in/sub", "elsewhere/deep"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("in/sub/a.csv", "elsewhere/b.csv", "elsewhere/deep/c.csv"):
        write_csv(tmp_path / name, TEXTS)
    for link, target in (("link", "elsewhere"), ("again", "in/sub"), ("sub/up", "in"), ("_hidden", "elsewhere")):
        (tmp_path / "in" / link).symlink_to(tmp_path / target)
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "elsewhere")
    succeed(tmp_path / "in", tmp_path / "out")
    names = ["link/b.csv", "link/deep/c.csv", "sub/a.csv"]
    assert numbers(scored(tmp_path / "out")) == [(name, row) for name in names for row in range(3)]


def test_what_cannot_be_read_in_a_folder_is_reported_and_the_rest_is_scored(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_csv(folder / "a.csv", TEXTS)
    (folder / "b.csv").symlink_to(tmp_path / "nowhere.csv")
    (folder / "c.csv").symlink_to(folder / "c.csv")
    os.mkfifo(folder / "d.jsonl")
    shutil.copy(folder / "a.csv", folder / os.fsdecode(b"e\xff.csv"))
    summary = succeed(folder, tmp_path / "out", code=4)
    assert summary["rows"]["scored"] == 3
    assert [item["file"] for item in bad(tmp_path / "out")] == ["b.csv", "c.csv", "d.jsonl", r"e\xff.csv"]
    said = ["link to", "symbolic links", "no regular file", "not UTF-8"]
    for item, words in zip(bad(tmp_path / "out"), said, strict=True):
        assert words in item["reason"]
    # It is a job like any other.
    assert "run" not in succeed(folder, tmp_path / "out", code=4)


def test_input_that_is_no_file_at_all_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    assert "no regular file" in refused(tmp_path / "a.csv", tmp_path / "out")
    (tmp_path / "b.csv").symlink_to(tmp_path / "nowhere")
    assert "No such file" in refused(tmp_path / "b.csv", tmp_path / "out")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    write_csv(folder / "a.csv", TEXTS)
    assert "not UTF-8" in refused(folder, tmp_path / "out")
    assert "not UTF-8" in refused(write_csv(tmp_path / "c.csv", TEXTS), folder / "out")


@pytest.mark.parametrize("options", [[], ["--overwrite"]], ids=" ".join)
def test_output_never_deletes_its_input(options: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(write_jsonl(tmp_path / "a.jsonl", TEXTS), out)
    (part,) = parts(out)
    content = part.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(part)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to(out)
    for source in (part, tmp_path / "link.jsonl", tmp_path / "folder", out):
        assert "lies in" in refused(source, out, "--prefix", "again_", *options)
    (tmp_path / "new").symlink_to(out)
    assert "lies in OUTPUT" in refused(part, tmp_path / "new", "--prefix", "again_", *options)
    assert part.read_bytes() == content
    assert (out / "_manifest.json").exists()


def test_output_in_a_linked_folder_is_refused_before_it_is_there(tmp_path: Path) -> None:
    for folder in ("in", "elsewhere"):
        (tmp_path / folder).mkdir()
        write_csv(tmp_path / folder / "a.csv", TEXTS)
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="OUTPUT lies in INPUT"):
        find_sources(tmp_path / "in", None, tmp_path / "elsewhere/out")
    assert len(find_sources(tmp_path / "in", None, tmp_path / "out")) == 2


def test_names_that_the_locale_cannot_show_end_no_job(tmp_path: Path) -> None:
    """A job that is complete must say so, and a later one must be able to read what it left."""
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "Amélie 🎬.csv").symlink_to(tmp_path / "nowhere.csv")
    plain = settings() | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for _ in range(2):
        for options in ([], ["--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "app.bulk", folder, tmp_path / "out", *options],
                cwd=ROOT,
                env=plain,
                capture_output=True,
                timeout=PATIENCE,
            )
            assert done.returncode == 4, done.stderr
            said = json.loads(done.stdout)["unread"][0]["file"] if options else done.stdout.decode("ascii")
            assert ("Amélie 🎬.csv" if options else r"Am\xe9lie \U0001f3ac.csv, row 0") in said
