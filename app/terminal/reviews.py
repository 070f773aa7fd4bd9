"""Which reviews a command is about: arguments, standard input, files; and the limits that hold for all of them."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from app.inference.text import BLANK, is_blank
from app.settings import PREFIX, Settings
from app.terminal.errors import Refused

STANDARD_INPUT = "-"
TABLES = (".csv", ".jsonl", ".ndjson", ".parquet")
"""How the names of files end that hold more than reviews; `app.bulk` reads them."""
COMPRESSED = (".gz", ".bz2", ".zst")
"""What may follow."""


class Review(NamedTuple):
    """A review, and where it came from.

    Attributes:
        text: As it is.
        place: In words: `argument 2`, or `reviews.txt, line 7`.
    """

    text: str
    place: str


def read_reviews(options: argparse.Namespace, settings: Settings, most: int, setting: str) -> list[Review]:
    """Read the reviews that a command names, in its order: arguments, then files.

    Args:
        options: `texts` (`-` stands for the standard input), `files`, and `whole`: whether what is read is one review
            instead of one a line. Blank lines are no reviews.
        settings: The limits.
        most: How many reviews there may be.
        setting: What that limit is called in the settings.

    Raises:
        Refused: There is none, too many, a blank one, one that is too long, or a place that cannot be read.
    """
    texts = options.texts
    if not texts and not options.files:
        if sys.stdin is not None and sys.stdin.isatty():
            raise Refused("no review: give one in quotes, name a file with --file, or - for what you type")
        texts = [STANDARD_INPUT]
    reviews: list[Review] = []
    for review in _all(texts, options, settings.max_body_bytes):
        _check(review, settings.max_characters)
        reviews.append(review)
    if len(reviews) > most:
        raise Refused(
            f"{len(reviews)} reviews are too many, {most} may come at a time ({PREFIX}{setting.upper()}). "
            + _way_out(options)
        )
    return reviews


def _way_out(options: argparse.Namespace) -> str:
    """What to do with more than a command takes: bulk scoring explains nothing."""
    return "`python -m app.bulk` scores files of any size" if options.command == "score" else "Give fewer at a time"


def _all(texts: Sequence[str], options: argparse.Namespace, limit: int) -> Iterator[Review]:
    for number, text in enumerate(texts, 1):
        if text == STANDARD_INPUT:
            yield from _standard_input(options, limit)
        elif os.path.isfile(text):  # Path raises on long texts
            raise Refused(f"argument {number}: a file's name, not a review; --file reads it")
        else:
            yield Review(text, f"argument {number}")
    for path in options.files:
        if str(path) == STANDARD_INPUT:
            yield from _standard_input(options, limit)
        else:
            yield from _file(path, options, limit)


def _standard_input(options: argparse.Namespace, limit: int) -> list[Review]:
    if sys.stdin is None:
        raise Refused("the standard input is closed; give a review in quotes, or name a file with --file")
    if sys.stdin.isatty():
        what = "a review" if options.whole else "reviews, one a line"
        print(f"type {what}; Ctrl-D ends", file=sys.stderr)  # noqa: T201  # a command line prints
    try:
        return _split(sys.stdin.buffer, "standard input", options, limit)
    except OSError as error:  # a folder, say
        raise Refused(f"the standard input cannot be read ({error.strerror})") from error


def _file(path: Path, options: argparse.Namespace, limit: int) -> list[Review]:
    *_, before, last = ("", "", *map(str.lower, path.suffixes))
    if (before if last in COMPRESSED else last) in TABLES:
        way_out = f"`python -m app.bulk {path} OUTPUT` scores those" if options.command == "score" else "make it one"
        raise Refused(f"{path}: a table, not a text with one review a line; {way_out}")
    try:
        with path.open("rb") as file:
            return _split(file, str(path), options, limit)
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # a name with a NUL in it
        raise Refused(f"{path}: cannot be read ({error})") from error


def _split(file: BinaryIO, name: str, options: argparse.Namespace, limit: int) -> list[Review]:
    content = file.read(limit + 1)
    if len(content) > limit:
        raise Refused(f"{name}: more than {limit} bytes ({PREFIX}MAX_BODY_BYTES). {_way_out(options)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"{name}, line {line}: not UTF-8. `iconv -f WINDOWS-1252 -t UTF-8`, say, makes it so") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if is_blank(text):
        raise Refused(f"{name}: " + ("empty" if not content else "blank") + ", so there is no review in it")
    if options.whole:
        return [Review(text, name)]
    return [Review(line, f"{name}, line {number}") for number, line in enumerate(lines, 1) if not is_blank(line)]


def _check(review: Review, longest: int) -> None:
    if is_blank(review.text):
        raise Refused(f"{review.place}: {BLANK}")
    if len(review.text) > longest:
        raise Refused(
            f"{review.place}: {len(review.text)} characters, a review may have {longest} ({PREFIX}MAX_CHARACTERS). "
            "Shorten or split it"
        )
    try:
        review.text.encode()
    except UnicodeEncodeError:  # Python reads bytes of arguments that it cannot decode as lone surrogates
        raise Refused(
            f"{review.place}: not {sys.getfilesystemencoding().upper()}, as this terminal's arguments should be; "
            f"name a file in UTF-8 with --file, or see what LC_ALL and LANG say (now: {_locale()})"
        ) from None


def _locale() -> str:
    return os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "nothing"
