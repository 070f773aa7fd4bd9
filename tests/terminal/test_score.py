"""`python -m app score`, as people and as programs run it."""

import json
import re
from pathlib import Path

import httpx
import pytest

from app.records import FORMATS
from tests.models import NEWEST
from tests.servers import Server
from tests.terminal.terminals import BLUE, ORANGE, SGR, modules_of, on_terminal, piped, refusal

TWO = ("--explain", "2")
GOOD, BAD = "One of the best films I have seen, superb.", "A dull waste of time."
ODD = [
    "An “odd” one – don’t… 映画 \N{FACE WITH TEARS OF JOY} naïve",
    "tabs\tand\u00a0spaces \x1b[31mred\x1b[0m",
    "!",
    "x" * 50_000,
    "-5 out of ten, [bold]awful[/bold]",
]


def reviews_of(stdout: bytes) -> list[str]:
    return [line.split("\t")[5] for line in stdout.decode().splitlines()]


def test_score_json_is_the_response_of_the_service(served: Server, tmp_path: Path) -> None:
    text = "A superb film.\n\nNot a dull minute.\n"
    (tmp_path / "review.txt").write_text(text)
    for reviews, arguments in (
        ([GOOD, BAD, *ODD], [GOOD, BAD, "--", *ODD]),
        ([text], ["--whole", "--file", str(tmp_path / "review.txt")]),
    ):
        response = httpx.post(f"{served.url}/predict", json={"reviews": reviews})
        done = piped("score", "--json", *arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == response.content + b"\n"


def test_score_to_a_pipe_is_lines_of_fields() -> None:
    done = piped("score", GOOD, "zorblax\tglorp\nquux " * 40, BAD, COLUMNS="20")
    assert (done.returncode, done.stderr) == (0, b"")
    good, unknown, bad = (line.split("\t") for line in done.stdout.decode().splitlines())
    assert 0.9 < float(good[0]) < 1
    assert good[1:] == ["positive", "false", "9", "9", GOOD]
    assert unknown[2:] == ["true", "120", "0", " ".join(["zorblax glorp quux"] * 40)]
    assert 0 < float(bad[0]) < 0.1
    assert bad[1:] == ["negative", "false", "5", "5", BAD]


def test_score_on_a_terminal_is_a_coloured_table() -> None:
    arguments = ("score", GOOD, BAD, "映画はとても良かった" * 30, "superb")
    shown = on_terminal(*arguments, width=70)
    assert re.search(rf"1 +{BLUE}0\.9\d\d.*{BLUE}positive.* 9 of 9 +One of the.*…", shown)
    assert re.search(rf"2 +{ORANGE}0\.0\d\d.*{ORANGE}negative.* 5 of 5 +A dull wa", shown)
    lines = SGR.sub("", shown).splitlines()
    assert re.search(r"3 +– +cannot tell +0 of ", "\n".join(lines))  # in no colour, as is the next one
    assert re.search(r"4 +0\.\d\d\d +uncertain \(positive\)", "\n".join(lines))
    assert len(re.findall(f"(?:{BLUE}|{ORANGE})", shown)) == 4
    assert max(map(len, lines)) <= 70
    assert len(lines) == 9  # one per review, however long the review is
    assert lines[-1] == f"predicted by imdb {NEWEST} (models/imdb/{NEWEST})"
    plain = on_terminal(*arguments, width=70, NO_COLOR="1")
    assert SGR.sub("", plain) == SGR.sub("", shown)
    assert "38;5" not in plain


def test_score_of_several_versions_compares_them() -> None:
    versions, reviews = ("--model-version", "1", "--model-version", "3"), ("Not bad at all.", "I loved zyzzyva!")
    one, other = (piped("score", "--model-version", version, *reviews).stdout.decode().splitlines() for version in "13")
    expected = [f"1\t{one[0]}", f"3\t{other[0]}", f"1\t{one[1]}", f"3\t{other[1]}"]
    assert piped("score", *versions, *reviews).stdout.decode().splitlines() == expected
    assert piped("score", *reviews, SENTIMENT_MODEL_VERSION="1,3").stdout.decode().splitlines() == expected
    objects = map(json.loads, piped("score", *versions, "--json", *reviews).stdout.splitlines())
    assert [(each["model"]["version"], len(each["predictions"])) for each in objects] == [("1", 2), ("3", 2)]
    shown = on_terminal("score", *versions, *reviews, width=110)
    lines = [line for line in SGR.sub("", shown).splitlines() if " of " in line]
    for line, start in zip(lines, ("1  1 ", "   3 ", "2  1 ", "   3 "), strict=True):
        assert line.strip("\r").removeprefix(" ").startswith(start)
    assert len(re.findall(r"I loved \x1b\[2mzyzzyva\x1b\[0m!", shown)) == 2


def test_score_with_reasons(served: Server) -> None:
    review, reasons = "A superb cast, but not a good film.", "not a good -3.1; superb +0.8"
    plain, explained, unknown = (
        piped("score", *arguments).stdout.decode() for arguments in ((review,), (review, *TWO), ("zorblax", *TWO))
    )
    assert explained == plain.removesuffix("\n") + f"\t{reasons}\n"
    assert unknown.endswith("\tzorblax\t\n")
    shown = SGR.sub("", on_terminal("score", review, *TWO, width=100))
    assert re.search(r" not a good -3\.1 +A superb cast, .*\n +superb \+0\.8 *\n", shown)
    response = httpx.post(f"{served.url}/predict?explain=2", json={"reviews": [review, "zorblax"]})
    assert piped("score", "--json", review, "zorblax", *TWO).stdout == response.content + b"\n"
    assert "21 is not in the range" in refusal("score", "good", "--explain", "21")


def test_score_never_lets_a_review_steer_the_terminal() -> None:
    """Neither by escape sequences nor by Rich's markup, emoji codes, or characters that change the direction."""
    nasty = "\x1b]0;mine\x07\x1b[2J\x1b[31m \x9b31m\x7f \u202eabc\u2066 [red]x[/red] [/] :bomb:\r\x08\x0c"
    for shown in (on_terminal("score", nasty, width=120), piped("score", nasty).stdout.decode()):
        rest = SGR.sub("", shown)
        assert not [character for character in rest if not character.isprintable() and character not in "\n\t"]
        assert "�]0;mine��[2J�[31m �31m� �abc� [red]x[/red] [/] :bomb: �" in rest


def test_score_reads_arguments_standard_input_and_files_in_order(tmp_path: Path) -> None:
    lines = b"\xef\xbb\xbfA superb film.\r\n\r\n  \nA dull\x0cone.\n\n"
    assert reviews_of(piped("score", stdin=lines).stdout) == ["A superb film.", "A dull one."]
    (tmp_path / "some.txt").write_text("three\nfour")
    done = piped("score", "one", "--file", str(tmp_path / "some.txt"), "-", "--", "--json", stdin=b"two")
    assert reviews_of(done.stdout) == ["one", "two", "--json", "three", "four"]
    assert "--file" in SGR.sub("", on_terminal("score"))  # nothing to read: says how to pass reviews


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["good", " \t\u3000"], b"", "argument 2: A review must contain text"),
        ([], b"\n \r\n", "no reviews"),
        (["--whole"], b"\n", "standard input: A review must contain text"),
        (["-"], b"good\nfine\nbad \xff\n", "not UTF-8"),
        (["-"], b"fine\n" + b"x" * 50_001, "at most 50000 characters; standard input, line 2 has 50001"),
        (["-"], b"fine\n" * 129, "SENTIMENT_MAX_REVIEWS"),
        (["-"], b"fine\n" * 129, "python -m app bulk INPUT OUTPUT"),
        (["--file", "/nowhere/x"], b"", "'/nowhere/x': No such file"),
        (["README.md"], b"", "--file README.md"),
        (["nofile.txt"], b"", "There is no file nofile.txt"),
        (["no/file.csv.gz"], b"", "There is no file no/file.csv.gz"),
        (["--runtime", "abacus"], b"", "'tensorflow', 'numpy'"),
    ],
)
def test_score_refuses_bad_input_with_a_reason(arguments: list[str], stdin: bytes, message: str) -> None:
    assert message in refusal("score", *arguments, stdin=stdin)


def test_score_leaves_tables_to_bulk_scoring(tmp_path: Path) -> None:
    for suffix in (*FORMATS, ".CSV.gz"):
        (tmp_path / f"a{suffix}").write_text("id,review\n1,good\n")
        assert "python -m app bulk" in refusal("score", "--file", str(tmp_path / f"a{suffix}"))


def test_score_obeys_the_settings() -> None:
    assert "the maximum is 1 (SENTIMENT_MAX_REVIEWS)" in refusal("score", "one", "two", SENTIMENT_MAX_REVIEWS="1")
    assert "at most 5 characters; argument 1 has 7" in refusal("score", "one two", SENTIMENT_MAX_CHARACTERS="5")
    assert "SENTIMENT_PORT" in refusal("score", "good", SENTIMENT_PORT="http")
    assert "the runtime `litert` has been replaced; use `numpy`" in refusal("score", "good", SENTIMENT_RUNTIME="litert")
    done = piped("score", "--json", "--model-version", "1", "good", SENTIMENT_MODEL_VERSION="99")
    assert json.loads(done.stdout)["model"] == {"name": "imdb", "version": "1"}
    done = piped("score", "good", SENTIMENT_MODEL_VERSION="99")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"error: models/imdb: no version '99'" in done.stderr


def test_score_loads_no_web_framework_and_no_tensorflow() -> None:
    loaded = modules_of("score", "good")
    assert {"rich.console", "numpy"} <= loaded
    assert not {"fastapi", "starlette", "uvicorn", "prometheus_client", "tensorflow", "keras", "scipy"} & loaded
