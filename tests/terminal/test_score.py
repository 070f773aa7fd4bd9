"""`python -m app score`, as people and as programs run it."""

import json
import re
from pathlib import Path

import httpx
import pytest

from app.inference.prediction import Prediction
from app.terminal.tables import known_words
from tests.servers import Server, run_python
from tests.terminal.terminals import SGR, on_terminal, piped, refusal

GOOD, BAD = "One of the best films I have seen, superb.", "A dull waste of time."
BLUE, ORANGE = r"\x1b\[(?:1;)?38;5;33m", r"\x1b\[(?:1;)?38;5;208m"
ODD = [
    "An “odd” one – don’t… 映画 \N{FACE WITH TEARS OF JOY} naïve",
    "tabs\tand\u00a0spaces \x1b[31mred\x1b[0m",
    "!",
    "x" * 50_000,
    "-5 out of ten, [bold]awful[/bold]",
]


def reviews_of(stdout: bytes) -> list[str]:
    return [line.split("\t")[4] for line in stdout.decode().splitlines()]


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
    assert good[1:] == ["positive", "9", "8", GOOD]
    assert unknown[2:] == ["120", "0", " ".join(["zorblax glorp quux"] * 40)]
    assert 0 < float(bad[0]) < 0.1
    assert bad[1:] == ["negative", "5", "4", BAD]


@pytest.mark.parametrize("width", [50, 80])
def test_score_on_a_terminal_is_a_coloured_table(width: int) -> None:
    shown = on_terminal("score", GOOD, BAD, "映画はとても良かった" * 30, width=width)
    assert re.search(rf"1 +{BLUE}0\.9\d\d.*{BLUE}positive.* 8 of 9 +One of the.*…", shown)
    assert re.search(rf"2 +{ORANGE}0\.0\d\d.*{ORANGE}negative.* 4 of 5 +A dull wa", shown)
    assert re.search(r"\x1b\[33m0 of 1 *\x1b", shown)
    lines = SGR.sub("", shown).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 7  # one per review, however long the review is
    plain = on_terminal("score", GOOD, BAD, "映画はとても良かった" * 30, width=width, NO_COLOR="1")
    assert SGR.sub("", plain) == SGR.sub("", shown)
    assert "38;5" not in plain


@pytest.mark.parametrize(
    ("words", "known", "yellow"),
    [(0, 0, True), (3, 3, True), (9, 4, False), (20, 4, False), (21, 4, True), (100, 20, False), (100, 19, True)],
)
def test_known_words_are_yellow_if_they_are_few(words: int, known: int, yellow: bool) -> None:
    assert (known_words(Prediction(0.9, words, known)).style == "yellow") is yellow


def test_score_never_lets_a_review_steer_the_terminal() -> None:
    """Neither by escape sequences nor by Rich's markup, emoji codes, or characters that change the direction."""
    nasty = "\x1b]0;mine\x07\x1b[2J\x1b[31m \x9b31m\x7f \u202eabc\u2066 [red]x[/red] [/] :bomb:\r\x08\x0c"
    for shown in (on_terminal("score", nasty, width=120), piped("score", nasty).stdout.decode()):
        rest = SGR.sub("", shown)
        assert not [character for character in rest if not character.isprintable() and character not in "\n\t"]
        assert "�]0;mine��[2J�[31m �31m� �abc� [red]x[/red] [/] :bomb: �" in rest


def test_score_reads_arguments_standard_input_and_files_in_order(tmp_path: Path) -> None:
    lines = b"\xef\xbb\xbfA superb film.\r\n\r\n  \nA dull\x0cone.\n\n"
    for arguments in ((), ("-",), ("--file", "-")):
        assert reviews_of(piped("score", *arguments, stdin=lines).stdout) == ["A superb film.", "A dull one."]
    (tmp_path / "some.txt").write_text("three\nfour")
    file = ("--file", str(tmp_path / "some.txt"))
    done = piped("score", "one", *file, "-", "--", "--json", stdin=b"two")
    assert reviews_of(done.stdout) == ["one", "two", "--json", "three", "four"]
    assert "Pass reviews in quotes" in on_terminal("score")


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("good", " \t\u3000"), b"", "argument 2: A review must contain text; this one is blank"),
        ((), b"\n \r\n", "There are no reviews in the input"),
        (("--whole",), b"\n", "standard input: A review must contain text"),
        (("-",), b"good\nfine\nbad \xff\n", "standard input is not UTF-8. Convert it"),
        (("-",), b"fine\n" + b"x" * 50_001, "at most 50000 characters; standard input, line 2 has 50001"),
        (("-",), b"fine\n" * 129, "the maximum is 128 (SENTIMENT_MAX_REVIEWS)"),
        (("-",), b"fine\n" * 129, "of any size, use: python -m app bulk INPUT OUTPUT"),
        (("--file", "/nowhere/x"), b"", "'/nowhere/x': No such file or directory"),
        (("--file", "tests/bulk/a.CSV.gz"), b"", "No such file"),
        (("README.md",), b"", "use: --file README.md"),
        (("--runtime", "abacus"), b"", "'abacus' is not one of 'tensorflow', 'litert'"),
    ],
)
def test_score_refuses_bad_input_with_a_reason(arguments: tuple[str, ...], stdin: bytes, message: str) -> None:
    assert message in refusal(piped("score", *arguments, stdin=stdin))


@pytest.mark.parametrize("name", ["a.csv", "a.CSV.gz", "a.jsonl", "a.parquet"])
def test_score_leaves_tables_to_bulk_scoring(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("id,review\n1,good\n")
    assert "use: python -m app bulk" in refusal(piped("score", "--file", str(tmp_path / name)))


def test_score_obeys_the_limits_of_the_service() -> None:
    assert "the maximum is 1 (SENTIMENT_MAX_REVIEWS)" in refusal(
        piped("score", "one", "two", SENTIMENT_MAX_REVIEWS="1")
    )
    assert "at most 5 characters; argument 1 has 7" in refusal(piped("score", "one two", SENTIMENT_MAX_CHARACTERS="5"))


def test_score_options_override_the_environment() -> None:
    done = piped("score", "--json", "--model-version", "1", "good", SENTIMENT_MODEL_VERSION="99")
    assert json.loads(done.stdout)["model"] == {"name": "imdb", "version": "1"}
    done = piped("score", "good", SENTIMENT_MODEL_VERSION="99")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"error: models/imdb: no version '99'; there are 1, 2" in done.stderr
    assert "SENTIMENT_PORT: Input should be a valid integer" in refusal(piped("score", "good", SENTIMENT_PORT="http"))


def test_score_uses_litert_unless_another_runtime_is_chosen() -> None:
    assert piped("score", "good", missing=["tensorflow"]).returncode == 0
    for done in (
        piped("score", "good", missing=["tensorflow"], SENTIMENT_RUNTIME="tensorflow"),
        piped("score", "good", "--runtime", "tensorflow", missing=["tensorflow"]),
        piped("score", "good", missing=["tensorflow", "ai_edge_litert"]),
    ):
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"`make setup`" in done.stderr


def test_score_loads_no_web_framework_and_no_tensorflow() -> None:
    program = "import sys; from app.cli import app; app(['score', 'good'], standalone_mode=False); print(*sys.modules)"
    loaded = set(run_python("-c", program).stdout.split())
    assert "rich.console" in loaded
    assert not {"fastapi", "starlette", "uvicorn", "tensorflow", "prometheus_client"} & loaded
