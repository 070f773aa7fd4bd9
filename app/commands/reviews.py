"""The reviews of a command: arguments, standard input and files, within the service's limits."""

import sys
from collections.abc import Iterator, Sequence
from os.path import isfile
from pathlib import Path
from typing import TextIO

import typer

from ..model.errors import ReviewTooLong
from ..model.limits import BLANK, check_length, is_blank
from ..records import format_of
from ..settings import PREFIX, Settings
from .messages import typed_command


def read_reviews(
    texts: Sequence[str] | None, files: Sequence[TextIO] | None, whole: bool, settings: Settings, explaining: bool
) -> list[str]:
    """Read reviews in order: arguments, then files.

    Args:
        texts: One review each; `-` stands for standard input, which is also read if there are no texts and no files.
        files: Text files, one review per line; blank lines are skipped.
        whole: Read each file, and standard input, as a single review.
        settings: The limits.
        explaining: Whether the reviews are to be explained, which has other limits.

    Raises:
        typer.BadParameter: There are no reviews or too many, one is blank or too long, or a file is not plain text.
    """
    most, longest = ("max_explained", "max_explained_length") if explaining else ("max_reviews", "max_characters")
    maximum = getattr(settings, most)
    reviews: list[str] = []
    for place, review in _all(texts, files or [], whole):
        if is_blank(review):
            raise typer.BadParameter(f"{place}: {BLANK}.")
        if len(reviews) == maximum:
            limit = f"the maximum is {maximum} ({PREFIX}{most.upper()})"
            raise typer.BadParameter(f"There are too many reviews; {limit}. To score files of any size, use: {_bulk()}")
        try:
            check_length(review, getattr(settings, longest), place)
        except ReviewTooLong as error:
            raise typer.BadParameter(f"{error} {PREFIX}{longest.upper()} sets the limit.") from error
        reviews.append(review)
    if not reviews:
        raise typer.BadParameter("There are no reviews in the input.")
    return reviews


def _all(texts: Sequence[str] | None, files: Sequence[TextIO], whole: bool) -> Iterator[tuple[str, str]]:
    """Yield each review's location and its text."""
    if not texts and not files and sys.stdin.isatty():
        raise typer.BadParameter("Pass reviews in quotes, a file with --file, or - to type reviews.")
    for number, text in enumerate(texts or ([] if files else ["-"]), 1):
        if text == "-":
            yield from _read(typer.get_text_stream("stdin", "utf-8-sig"), "standard input", whole)
        elif isfile(text):
            raise typer.BadParameter(f"Argument {number} is the name of a file. To read it, use: --file {text}")
        elif texts == [text] and " " not in text and (Path(text).suffix == ".txt" or format_of(Path(text))):
            raise typer.BadParameter(f"There is no file {text}. Check its name, or pass a review in quotes.")
        else:
            yield f"argument {number}", text
    for file in files:
        if format_of(Path(file.name)):
            raise typer.BadParameter(f"{file.name} is not a file with one review per line. To score it, use: {_bulk()}")
        yield from _read(file, file.name, whole)


def _bulk() -> str:
    return f"{typed_command()} bulk INPUT OUTPUT"


def _read(file: TextIO, name: str, whole: bool) -> Iterator[tuple[str, str]]:
    try:
        if whole:
            yield name, file.read()
            return
        for number, line in enumerate(file, 1):
            if not is_blank(line):
                yield f"{name}, line {number}", line.removesuffix("\n")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{name} is not UTF-8. Convert it: iconv -f WINDOWS-1252 -t UTF-8") from error
