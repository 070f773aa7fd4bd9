"""A job never deletes or replaces its own input."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bulk.jobs import command, error_of, reviews, rows_of, settings, succeed, write_csv
from tests.servers import ROOT

pytestmark = pytest.mark.slow

Names = tuple[str, str]
"""INPUT and OUTPUT."""


def pattern_into_its_folder(folder: Path) -> Names:
    write_csv(folder / "part-00000.csv", reviews(9))
    return f"{folder}/part-*.csv", str(folder)


def same_file(folder: Path) -> Names:
    return (str(write_csv(folder / "a.csv", reviews(9))),) * 2


def same_file_in_other_words(folder: Path) -> Names:
    (folder / "sub").mkdir()
    return str(write_csv(folder / "a.csv", reviews(9))), f"{folder}/sub/../a.csv"


def symbolic_link_to_the_input(folder: Path) -> Names:
    (folder / "b.csv").symlink_to(write_csv(folder / "a.csv", reviews(9)))
    return f"{folder}/a.csv", f"{folder}/b.csv"


def symbolic_link_to_the_output(folder: Path) -> Names:
    (folder / "b.csv").symlink_to(write_csv(folder / "a.csv", reviews(9)))
    return f"{folder}/b.csv", f"{folder}/a.csv"


def hard_link_to_the_input(folder: Path) -> Names:
    (folder / "b.csv").hardlink_to(write_csv(folder / "a.csv", reviews(9)))
    return f"{folder}/a.csv", f"{folder}/b.csv"


def link_into_the_output(folder: Path) -> Names:
    (folder / "out").mkdir()
    (folder / "a.csv").symlink_to(write_csv(folder / "out/part-00000.csv", reviews(9)))
    return f"{folder}/a.csv", f"{folder}/out"


def hard_link_into_the_output(folder: Path) -> Names:
    (folder / "out").mkdir()
    (folder / "a.csv").hardlink_to(write_csv(folder / "out/part-00000.csv", reviews(9)))
    return f"{folder}/a.csv", f"{folder}/out"


def file_in_the_folder_that_is_read(folder: Path) -> Names:
    write_csv(folder / "a.csv", reviews(9))
    return str(folder), f"{folder}/scored.csv"


def file_that_the_pattern_matches(folder: Path) -> Names:
    write_csv(folder / "a.csv", reviews(9))
    write_csv(folder / "scored.csv", reviews(9))
    return f"{folder}/*.csv", f"{folder}/scored.csv"


def bad_lines_of_the_output(folder: Path) -> Names:
    (folder / "a.jsonl_bad_lines.jsonl").write_text('{"review": "good"}\n')
    return f"{folder}/a.jsonl_bad_lines.jsonl", f"{folder}/a.jsonl"


@pytest.mark.parametrize(
    "arrange",
    [
        pattern_into_its_folder,
        same_file,
        same_file_in_other_words,
        symbolic_link_to_the_input,
        symbolic_link_to_the_output,
        hard_link_to_the_input,
        link_into_the_output,
        hard_link_into_the_output,
        file_in_the_folder_that_is_read,
        file_that_the_pattern_matches,
        bad_lines_of_the_output,
    ],
)
def test_output_that_overlaps_with_the_input_is_rejected(arrange: Callable[[Path], Names], tmp_path: Path) -> None:
    input_, output = arrange(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    if Path(output).is_dir():
        assert "choose a new folder" in error_of(input_, output)
    else:
        assert "INPUT and OUTPUT overlap" in error_of(input_, output, "--overwrite")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_standard_output_that_is_the_input_is_rejected(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", reviews(9))
    before = source.read_bytes()
    with source.open("ab") as file:
        done = subprocess.run(
            command(source, "-"), cwd=ROOT, env=settings(), stdout=file, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert "INPUT and OUTPUT overlap" in " ".join(done.stderr.split())
    assert source.read_bytes() == before


def test_output_beside_the_input_is_allowed(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", reviews(9))
    for options in ((), ("--overwrite",)):
        succeed(source, tmp_path / "scored.csv", *options)
        assert len(rows_of(tmp_path / "scored.csv")) == 9
    succeed(source, tmp_path / "scored")
    os.link(source, tmp_path / "b.csv")  # another name of the input, which is not written
    succeed(source, tmp_path / "scored.csv", "--overwrite")
