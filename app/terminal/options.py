"""The options of the commands for people; nothing here is slow to import, as every start of the service reads it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from app.settings import PREFIX, Settings
from app.terminal.printable import printable

SCORE = """\
examples:
  python -m app score "One of the best films I have seen." "A dull waste of time."
  python -m app score --file reviews.txt              one review a line
  python -m app score --file review.txt --whole       the file is one review
  echo "A superb film." | python -m app score -       what is piped, one review a line
  python -m app score --json "A superb film."         the JSON that POST /predict answers
  python -m app score -- "-- not my film"             a review that begins with a dash

CSV, JSONL and Parquet files, and more reviews than a request may hold: `python -m app.bulk`.

On a terminal the answer is a table. Otherwise it is a line a review, with tabs between probability, sentiment, words,
known words and the review. NO_COLOR=1 takes the colours away.
"""
EXPLAIN = """\
examples:
  python -m app explain "A superb cast, but not a good film."
  python -m app explain --top 20 --file review.txt --whole
  python -m app explain --json "A superb film."       the JSON that POST /explain answers

Blue words with ⁺ speak for the film, orange ones with ⁻ against it, dim ones have no term where they stand. A
term's log-odds are what the answer would lose without it; a word's colour is its share of those of all its terms.
"""
CHECK = """\
examples:
  python -m app check                                 the bundle that the service would serve
  python -m app check models/imdb/1                   another one
  python -m app check models/imdb --runtime litert    the newest in a folder, with one runtime
  python -m app check --json | jq .manifest.metrics

Every file is compared with its SHA-256 in the manifest and the manifest with its seal; then each installed runtime, or
the one that --runtime names, has to answer the golden reviews as it did when the bundle was made.
"""
EXITS = """\
exit codes: 0 done; 1 the bundle or its runtime cannot be used; 2 an option, a setting or a review is wrong;
130 stopped by Ctrl-C; 141 nobody read the output to its end.
"""
CHECK_EXITS = """\
exit codes: 0 whole; 1 damaged, not found, or no runtime to try it with, and the message says which file and what to do;
2 an option or a setting is wrong.
"""
QUICKEST = f"for {PREFIX}RUNTIME; where neither is given: litert if it is installed"


class Parser(argparse.ArgumentParser):
    """A parser that repeats no argument to the terminal as it is.

    Attributes:
        intermixed: Whether reviews may stand between options, too: `score A --json B` has two of them.
    """

    intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See `argparse`, whose lists of arguments end at the first option behind them."""
        if not self.intermixed:
            return super().parse_known_args(args, namespace)
        # What stands behind `--` is no option, and the intermixed way forgets that.
        end = args.index("--") if "--" in args else len(args)
        self.intermixed = False  # it calls this one again
        try:
            options, rest = self.parse_known_intermixed_args(args[:end], namespace)
        finally:
            self.intermixed = True
        options.texts = [*options.texts, *args[end + 1 :]]
        return options, rest

    def error(self, message: str) -> NoReturn:
        """See `argparse`."""
        super().error(printable(message))


def add_commands(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Declare score, explain and check."""
    score = _add(commands, "score", "score reviews, as a table or as JSON", SCORE + "\n" + EXITS)
    _add_reviews(score)
    _add_model(score, QUICKEST)
    explain = _add(commands, "explain", "show which words a probability rests on", EXPLAIN + "\n" + EXITS)
    _add_reviews(explain)
    explain.add_argument(
        "--top", type=_number, metavar="N", help="terms to list, the strongest first (default: 10; with --json all)"
    )
    _add_model(explain, QUICKEST)
    check = _add(commands, "check", "verify a bundle and say what it is", CHECK + "\n" + CHECK_EXITS)
    check.add_argument(
        "bundle",
        nargs="?",
        type=Path,
        metavar="BUNDLE",
        help="its folder, or a folder of versions (default: the one that the settings name)",
    )
    _add_model(check, f"try this one alone, not every one that is installed; {PREFIX}RUNTIME does not count here")


def _add(commands: "argparse._SubParsersAction[Parser]", name: str, does: str, epilog: str) -> Parser:
    return commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_reviews(command: Parser) -> None:
    command.intermixed = True
    command.add_argument(
        "texts", nargs="*", metavar="TEXT", help="a review each; - reads the standard input, one review a line"
    )
    command.add_argument(
        "--file",
        dest="files",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="read a text file in UTF-8, one review a line; blank lines are none. May come several times",
    )
    command.add_argument(
        "--whole", action="store_true", help="take each file, and the standard input, as one review, not one a line"
    )


def _add_model(command: Parser, runtime_help: str) -> None:
    command.add_argument("--json", action="store_true", help="answer in JSON")
    command.add_argument("--model-dir", type=Path, metavar="DIR", help=f"for {PREFIX}MODEL_DIR")
    command.add_argument("--model-version", metavar="N", help=f"for {PREFIX}MODEL_VERSION")
    command.add_argument("--runtime", choices=runtimes(), help=runtime_help)


def runtimes() -> Sequence[str]:
    """What a setting may name, without an import of the runtimes."""
    return get_args(Settings.model_fields["runtime"].annotation)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)
