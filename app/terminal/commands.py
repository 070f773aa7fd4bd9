"""score, explain and check: from options to what stands on the terminal, and the exit code."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.text import Text

from app.api.serialization import explanations_json, predictions_json
from app.inference.bundle import Bundle, find_bundle, load_bundle
from app.inference.errors import SentimentError
from app.settings import Settings
from app.terminal.errors import Refused, Unwritable
from app.terminal.explanations import LISTED, explain, lines_of, view_of
from app.terminal.inspection import facts_of, faults_of, folder_of, lines_about, try_runtimes
from app.terminal.model import open_model
from app.terminal.printable import printable
from app.terminal.reviews import read_reviews
from app.terminal.screen import open_screen
from app.terminal.tables import line_of, table_of

DONE, FAILED, WRONG, UNREAD = 0, 1, 2, 141


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Carry out a command.

    Args:
        options: What `options.add_commands` declares.
        settings: With the options' values in the place of the environment's.

    Returns:
        The exit code, see `options.EXITS`.
    """
    commands = {"score": _score, "explain": _explain, "check": _check}
    try:
        if sys.stdout is None:
            raise Refused("the standard output is closed, so there is no place for an answer")
        return commands[options.command](options, settings)
    except (Refused, SentimentError) as error:
        _complain(str(error))
        return WRONG if isinstance(error, Refused) else FAILED
    except BrokenPipeError:  # `| head` has seen enough
        _forget_output()
        return UNREAD
    except Unwritable as error:
        _forget_output()
        _complain(f"the answer cannot be written ({error})")
        return FAILED


def _score(options: argparse.Namespace, settings: Settings) -> int:
    reviews = [review.text for review in read_reviews(options, settings, settings.max_reviews, "max_reviews")]
    bundle, runtime, classifier = open_model(settings)
    predictions = classifier.predict(reviews)
    if options.json:
        _write_json(predictions_json(bundle.manifest.name, bundle.manifest.version, predictions))
        return DONE
    screen = open_screen()
    with _writing():
        if screen.is_terminal:
            screen.print(table_of(predictions, reviews, screen))
            screen.print(_signature(bundle, runtime))
        else:
            _write_lines([line_of(*both) for both in zip(predictions, reviews, strict=True)])
    return DONE


def _explain(options: argparse.Namespace, settings: Settings) -> int:
    reviews = [review.text for review in read_reviews(options, settings, settings.max_explained, "max_explained")]
    bundle, runtime, classifier = open_model(settings)
    explanations = [explain(classifier, review) for review in reviews]
    if options.json:
        name, version = bundle.manifest.name, bundle.manifest.version
        _write_json(explanations_json(name, version, explanations, options.top))
        return DONE
    top = LISTED if options.top is None else options.top
    screen = open_screen()
    with _writing():
        for number, (explanation, review) in enumerate(zip(explanations, reviews, strict=True)):
            if screen.is_terminal:
                if number:
                    screen.rule(style="dim")
                screen.print(view_of(explanation, review, classifier, top, screen))
            else:
                _write_lines([*([""] if number else []), *lines_of(explanation, review, top)])
        if screen.is_terminal:
            screen.print(_signature(bundle, runtime))
    return DONE


def _check(options: argparse.Namespace, settings: Settings) -> int:
    if options.bundle and (options.model_dir or options.model_version):
        raise Refused("name the bundle by its folder, or by --model-dir and --model-version, not by both")
    folder = options.bundle or settings.model_dir
    try:
        folder = folder_of(options.bundle) if options.bundle else find_bundle(folder, settings.model_version)
        bundle = load_bundle(folder)
        trials = try_runtimes(bundle, options.runtime)
    except SentimentError as error:
        if not options.json:
            raise
        _write_json(json.dumps(faults_of(folder, error), ensure_ascii=False).encode("utf-8", "backslashreplace"))
        return FAILED
    if options.json:
        _write_json(json.dumps(facts_of(bundle, trials), ensure_ascii=False).encode("utf-8", "backslashreplace"))
        return DONE
    lines = lines_about(bundle, trials)
    screen = open_screen()
    with _writing():
        for name, line in lines:
            good, colon, rest = line.partition(":")
            ok = Text.assemble((good, "bold green"), colon, rest) if good == "ok" else Text(line)
            screen.print(Text.assemble((f"{name:<12}", "dim"), ok), soft_wrap=True)
    return DONE


def _signature(bundle: Bundle, runtime: str) -> Text:
    """Who answered, below an answer."""
    return Text(printable(f"{bundle.manifest.name} {bundle.manifest.version}, {runtime}"), "dim")


@contextmanager
def _writing() -> Iterator[None]:
    """Tell what the system says about the output from what it says about the files that are read before."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(error.strerror) from error


def _write_json(answer: bytes) -> None:
    with _writing():
        sys.stdout.buffer.write(answer + b"\n")


def _write_lines(lines: list[str]) -> None:
    # Whatever the locale says: what programs read is UTF-8, like the JSON.
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())


def _complain(message: str) -> None:
    open_screen(errors=True).print(Text.assemble(("error:", "bold red"), " ", printable(message)), soft_wrap=True)


def _forget_output() -> None:
    """What is left in the buffer has to go somewhere, or Python complains at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
