"""`python -m app score`, as people and as programs call it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.inference.classifier import Prediction
from app.terminal.reviews import COMPRESSED, TABLES
from app.terminal.screen import NEGATIVE, POSITIVE
from app.terminal.tables import known_words
from tests.servers import PATIENCE, ROOT, Server
from tests.terminal.conftest import Called
from tests.terminal.terminals import SGR, on_terminal, piped, surroundings

GOOD, BAD = "One of the best films I have seen, superb.", "A dull waste of time."
BLUE, ORANGE = "\x1b[38;5;33m", "\x1b[38;5;208m"
ODD = [
    GOOD,
    BAD,
    "An “odd” one – don’t… 映画 \N{FACE WITH TEARS OF JOY} naïve",
    "tabs\tand\u00a0spaces \x1b[31mred\x1b[0m",
    "!",
    "x" * 50_000,
    "-5 out of ten, [bold]awful[/bold]",
]


def test_score_json_is_the_services_answer_byte_for_byte(served: Server) -> None:
    answer = httpx.post(f"{served.url}/predict", json={"reviews": ODD})
    done = piped("score", "--json", *ODD)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == answer.content + b"\n"


def test_score_json_of_a_full_file_is_the_services_answer(served: Server, tmp_path: Path) -> None:
    reviews = [f"{GOOD} {BAD * (i % 7)} {i}" for i in range(128)]
    path = tmp_path / "reviews.txt"
    path.write_text("\n".join(reviews))
    answer = httpx.post(f"{served.url}/predict", json={"reviews": reviews})
    assert answer.status_code == 200
    assert piped("score", "--json", "--file", str(path)).stdout == answer.content + b"\n"


def test_score_to_a_pipe_is_lines_with_tabs_and_nothing_else() -> None:
    done = piped("score", GOOD, "zorblax\tglorp\nquux " * 40, BAD, COLUMNS="20")
    assert (done.returncode, done.stderr) == (0, b"")
    good, unknown, bad = (line.split("\t") for line in done.stdout.decode().splitlines())
    assert 0.9 < float(good[0]) < 1
    assert good[1:] == ["positive", "9", "8", GOOD]
    assert unknown[2:] == ["120", "0", " ".join(["zorblax glorp quux"] * 40)]
    assert 0 < float(bad[0]) < 0.1
    assert bad[1:] == ["negative", "5", "4", BAD]
    assert b"\x1b" not in done.stdout


def test_score_on_a_terminal_is_a_coloured_table() -> None:
    screen = on_terminal("score", GOOD, BAD, width=80)
    assert screen.code == 0
    good, bad = (line for line in screen.raw.splitlines() if "━" in line or "──────────  " in SGR.sub("", line))
    assert BLUE in good
    assert ORANGE not in good
    assert ORANGE in bad
    assert BLUE not in bad
    assert re.search(r"1 +0\.9\d\d  ━+─*  positive +8 of 9  One of the", screen.text)
    assert re.search(r"2 +0\.0\d\d +─+  negative +4 of 5  A dull waste", screen.text)
    assert "imdb 2, litert" in screen.text
    assert max(map(len, screen.text.splitlines())) <= 80


def test_score_on_a_terminal_without_colours_says_the_same() -> None:
    coloured, plain = on_terminal("score", GOOD, BAD), on_terminal("score", GOOD, BAD, NO_COLOR="1")
    assert not re.search(r"\x1b\[[\d;]*[34]\d", plain.raw)
    assert plain.text == coloured.text


@pytest.mark.parametrize(
    ("words", "known", "yellow"),
    [(0, 0, True), (3, 3, True), (9, 4, False), (20, 4, False), (21, 4, True), (100, 20, False), (100, 19, True)],
)
def test_known_words_are_yellow_where_they_are_few(words: int, known: int, yellow: bool) -> None:
    assert (known_words(Prediction(0.9, words, known)).style == "yellow") is yellow


@pytest.mark.parametrize(("width", "shown"), [(24, False), (44, True), (60, True), (200, True)])
def test_score_fits_into_any_terminal(width: int, shown: bool) -> None:
    screen = on_terminal("score", GOOD, BAD, "映画はとても良かった" * 30, width=width)
    lines = screen.text.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 8  # a line a review, however long it is
    assert "0.030" in screen.text
    assert ("A dull w" in screen.text) is shown


def test_score_never_lets_a_review_act_on_the_terminal() -> None:
    """Neither escape sequences, nor rich's markup and emoji codes, nor what turns the direction of text."""
    nasty = "\x1b]0;mine\x07\x1b[2J\x1b[31m \x9b31m\x7f \u202eabc\u2066 [red]x[/red] [/] :bomb:\r\x08\x0c"
    screen = on_terminal("score", nasty, width=120)
    assert screen.code == 0
    rest = SGR.sub("", screen.raw.replace("\n", ""))
    assert not [character for character in rest if not character.isprintable()]
    assert "␛]0;mine␇␛[2J␛[31m �31m␡ �abc� [red]x[/red] [/] :bomb: ␈" in rest
    line = piped("score", nasty).stdout.decode()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "\u202e" not in line


def test_score_takes_reviews_between_options_and_behind_dashes(called: Called) -> None:
    done = called("score", "a good film", "--json", "bad", "--runtime", "litert", "--", "--json", "-")
    assert done.stderr == "error: standard input: empty, so there is no review in it\n"
    done = called("score", "a good film", "--json", "bad", "--runtime", "litert", "-- awful", "--", "-x", "--")
    assert len(json.loads(done.stdout)["predictions"]) == 5
    assert called("score", "--", "-x").stdout.endswith("\t-x\n")


@pytest.mark.parametrize("arguments", [(), ("-",), ("--file", "-")])
def test_score_reads_lines_from_the_standard_input(called: Called, arguments: tuple[str, ...]) -> None:
    done = called("score", *arguments, stdin=b"\xef\xbb\xbfA superb film.\r\n\r\n  \nA dull\x0cone.\n\n")
    assert [line.split("\t")[4] for line in done.stdout.splitlines()] == ["A superb film.", "A dull one."]


def test_score_keeps_the_order_of_arguments_and_files(called: Called, tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text("three\nfour")
    done = called("score", "one", "-", "--file", str(path), stdin=b"two")
    assert [line.split("\t")[4] for line in done.stdout.splitlines()] == ["one", "two", "three", "four"]


def test_score_whole_takes_a_file_as_one_review(served: Server, tmp_path: Path) -> None:
    text = "A superb film.\n\nNot a dull minute.\n"
    (tmp_path / "review.txt").write_text(text)
    answer = httpx.post(f"{served.url}/predict", json={"reviews": [text]})
    assert piped("score", "--json", "--whole", "--file", str(tmp_path / "review.txt")).stdout == answer.content + b"\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("",), b"", "argument 1: A review must hold text, this one is blank"),
        (("good", " \t\u3000"), b"", "argument 2: A review must hold text"),
        ((), b"", "standard input: empty"),
        (("-",), b"\n \r\n", "standard input: blank"),
        (("good", b"caf\xe9"), b"", "argument 2: not UTF-8, as this terminal's arguments should be"),
        (("-",), b"good\nfine\nbad \xff\n", "standard input, line 3: not UTF-8"),
        (("-",), b"fine\n" + b"x" * 50_001, "standard input, line 2: 50001 characters, a review may have 50000"),
        (("-",), b"fine\n" * 129, "129 reviews are too many, 128 may come at a time (SENTIMENT_MAX_REVIEWS)"),
        (("-",), b"x" * 2_000_001, "standard input: more than 2000000 bytes (SENTIMENT_MAX_BODY_BYTES)"),
        (("--file", "/nowhere/x"), b"", "/nowhere/x: cannot be read (No such file or directory)"),
        (("--file", "docs"), b"", "docs: cannot be read (Is a directory)"),
        (("--file", "reviews.CSV"), b"", "`python -m app.bulk reviews.CSV OUTPUT` scores those"),
        (("--file", "reviews.csv.GZ"), b"", "`python -m app.bulk reviews.csv.GZ OUTPUT` scores those"),
        (("README.md",), b"", "argument 1: a file's name, not a review; --file reads it"),
        (("--runtime", "abacus"), b"", "invalid choice: 'abacus'"),
        (("--js", "\x1b[31m -x"), b"", "unrecognized arguments: --js"),
        (("--\x1b[31m",), b"", "unrecognized arguments: --␛[31m"),
    ],
)
def test_score_of_what_cannot_be_scored_says_why(
    called: Called, arguments: tuple[str | bytes, ...], stdin: bytes, message: str
) -> None:
    done = called("score", *arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "\x1b" not in done.stderr


def test_score_of_bytes_that_are_no_text_is_refused() -> None:
    done = piped("score", "good", b"caf\xe9")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: argument 2: not UTF-8, ")
    done = piped("score", stdin=b"caf\xe9")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: standard input, line 1: not UTF-8. ")


def test_score_obeys_the_services_limits(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_MAX_REVIEWS", "1")
    assert "2 reviews are too many, 1 may come" in called("score", "one", "two").stderr
    monkeypatch.setenv("SENTIMENT_MAX_CHARACTERS", "5")
    assert "7 characters, a review may have 5" in called("score", "one two").stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "message"),
    [
        (("--model-dir", "/nowhere"), {}, 1, "/nowhere: no bundle here"),
        (("--model-version", "99"), {}, 1, "no version '99'; there are 1, 2"),
        ((), {"SENTIMENT_MODEL_VERSION": "99"}, 1, "no version '99'"),
        ((), {"SENTIMENT_RUNTIME": "abacus"}, 2, "SENTIMENT_RUNTIME"),
        ((), {"SENTIMENT_PORT": "http"}, 2, "SENTIMENT_PORT"),
    ],
)
def test_score_with_a_wrong_model_or_setting_says_so(
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    code: int,
    message: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = called("score", "good", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


def test_score_options_go_before_the_environment(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_MODEL_VERSION", "99")
    done = called("score", "--json", "--model-version", "1", "good")
    assert json.loads(done.stdout)["model"] == {"name": "imdb", "version": "1"}


def test_score_with_tensorflow_is_as_quiet_and_agrees() -> None:
    tensorflow = on_terminal("score", *ODD, SENTIMENT_RUNTIME="tensorflow")
    assert tensorflow.raw == on_terminal("score", *ODD).raw.replace("imdb 2, litert", "imdb 2, tensorflow")


def test_score_without_litert_asks_for_what_the_settings_name() -> None:
    program = "import sys; sys.modules.update({'ai_edge_litert': None, 'tensorflow': None});"
    program += "from app.__main__ import main; sys.exit(main(['score', 'good']))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=surroundings({}), capture_output=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: the runtime `tensorflow` needs the package tensorflow")


def test_score_on_a_terminal_without_a_review_says_what_to_give() -> None:
    screen = on_terminal("score")
    assert screen.code == 2
    assert "give one in quotes" in screen.text.replace("\n", " ")


def test_score_interrupted_is_quiet() -> None:
    screen = on_terminal("score", "-", interrupt_at="Ctrl-D ends\r\n")
    assert screen.code == 130
    assert screen.text == "type reviews, one a line; Ctrl-D ends\n"


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}])
def test_score_into_a_closed_pipe_is_quiet(variables: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "score", "good"],
        cwd=ROOT,
        env=surroundings(variables),
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (128 + signal.SIGPIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_score_onto_a_full_disk_says_so(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app", "score", "good", *arguments],
            cwd=ROOT,
            env=surroundings({}),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (1, b"error: the answer cannot be written (No space left on device)\n")


@pytest.mark.parametrize("command", ["score", "explain", "check"])
def test_what_cannot_be_read_is_not_taken_for_an_answer_that_cannot_be_written(tmp_path: Path, command: str) -> None:
    """Here a runtime's library: the package is there, and loads one that is not."""
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert/__init__.py").write_text("import ctypes; ctypes.CDLL('libmissing.so')")
    done = piped(command, *(["good"] if command != "check" else []), PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"libmissing.so" in done.stderr
    assert b"cannot be written" not in done.stderr


def test_score_on_a_terminal_without_unicode_is_readable() -> None:
    screen = on_terminal("score", GOOD, BAD, PYTHONIOENCODING="ascii", width=100)
    assert screen.code == 0
    assert screen.raw.isascii()
    assert "?" not in screen.text
    assert re.search(r"2[ |]+0\.0\d\d[ |]+negative", screen.text)


def test_colours_are_those_that_the_tests_look_for() -> None:
    assert (POSITIVE, NEGATIVE) == ("dodger_blue1", "dark_orange")


def test_tables_are_what_bulk_scoring_reads() -> None:
    from app.bulk.sources import COMPRESSIONS, FORMATS

    assert set(TABLES) == set(FORMATS)
    assert set(COMPRESSED) == set(COMPRESSIONS)
