"""What `python -m training` may be told, with help that teaches."""

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.recipe import FULL, RECIPES, SEEDS, Recipe, adapted
from training.records import Columns

HELP = """\
Train the review-sentiment network and write it as a bundle that the service can serve.

The steps are those of "Deep Learning with Python" (Chollet), chapter 3.4: rank the words of the training reviews,
turn each review into a multi-hot row, set 10,000 reviews aside for validation, train for 20 epochs to see where
over-fitting begins, train a new network on all reviews for the epoch count that validation favours, and evaluate it
once on the test reviews.
"""

EXAMPLES = """\
examples:
  python -m training                                       download the official archive (84 MB, once) and train
  python -m training --dataset aclImdb_v1.tar.gz           train from a local copy; an extracted folder does as well
  python -m training --dataset aclImdb/train aclImdb/test  several paths together hold the data set
  python -m training --dataset keras                       the reviews as Keras packages them, as in the book
  python -m training --dataset my.csv --output models/mine your own reviews: a CSV with the columns text and label
  python -m training --seed 7 --output /tmp/imdb           another seed, written elsewhere
  python -m training --layers 3 --units 64                 a larger network
  python -m training experiments --dataset aclImdb_v1.tar.gz       the book's further experiments
  python -m training compare models/imdb/1 models/imdb/2           should version 2 replace version 1?
  python -m training curve --dataset my.csv                        would more reviews help?
  python -m training --recipe best --dataset aclImdb_labelled.tar.xz aclImdb_unsup.tar.xz

The bundle appears whole or not at all: models/imdb/<version>. Serve it with `python -m app`.
"""

IMDB_MODELS = Path("models/imdb")
ARCHIVES = "archives or folders of raw IMDB reviews"
OWN_FILES = "your own reviews as .csv or .jsonl"
KERAS = "the word `keras` (recipe book alone)"
OWN_OPTIONS = ("text-column", "label-column", "skip-bad-rows")
"""What only says how a person's own files are read."""
LARGEST_SEED = 2**32 - 1
"""What NumPy's legacy generator takes, which Keras seeds as well."""


def parser() -> argparse.ArgumentParser:
    """The options of all commands; without a command, `train` is meant."""
    options = argparse.ArgumentParser(
        prog="python -m training",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = options.add_subparsers(dest="command", metavar="COMMAND")
    formatting: Any = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    train = commands.add_parser("train", help="train a bundle (the default)", description=HELP, **formatting)
    experiments = commands.add_parser(
        "experiments",
        help="run the book's further experiments over several seeds and write the report",
        description="Train a recipe's network with one thing changed at a time, over three seeds, on the training "
        "reviews alone. Runs that are there already are not run again.",
    )
    compare = commands.add_parser(
        "compare",
        help="say whether one bundle should replace another",
        description="Score the test reviews with two bundles and compare: accuracy with McNemar's test, flipped "
        "sentiments, calibration, speed.",
    )
    curve = commands.add_parser(
        "curve",
        help="say what more reviews would bring",
        description="Train on more and more of the training reviews, over several seeds, and measure on a fifth of "
        "them that is set aside. The test reviews play no part, nor do unlabelled ones; nothing is written.",
    )
    compare.add_argument("a", type=Path, help="the bundle's folder, such as models/imdb/1")
    compare.add_argument("b", type=Path, help="the one that may replace it, such as models/imdb/2")
    experiments.add_argument(
        "--output", type=Path, default=Path("docs/experiments"), help="where reports are kept (default: %(default)s)"
    )
    curve.add_argument(
        "--sizes", nargs="+", type=_positive, metavar="N", help="training reviews; default: all, half, a quarter, ..."
    )
    for command in (experiments, curve):
        command.add_argument(
            "--recipe", choices=sorted(RECIPES), default="book", help="which recipe to try (default: %(default)s)"
        )
        command.add_argument(
            "--seeds",
            nargs="+",
            type=_seed,
            default=SEEDS,
            metavar="N",
            help=f"default: {' '.join(map(str, SEEDS))}",
        )
    for command, sources in (
        (train, (ARCHIVES, OWN_FILES, KERAS)),
        (experiments, (ARCHIVES, KERAS)),
        (compare, (ARCHIVES, OWN_FILES)),
        (curve, (ARCHIVES, OWN_FILES)),
    ):
        command.add_argument(
            "--dataset", nargs="+", metavar="PATH", help=f"{', or '.join(sources)}; default: the official archive"
        )
    for command in (train, compare, curve):
        _add_own_options(command)
    _add_training_options(train)
    return options


def _add_own_options(options: argparse.ArgumentParser) -> None:
    own = options.add_argument_group("your own reviews (.csv, .tsv, .jsonl; .gz, .bz2, .xz of them)")
    own.add_argument("--text-column", metavar="NAME", help="which column holds the reviews; default: text or review")
    own.add_argument(
        "--label-column",
        metavar="NAME",
        help="which holds 1, positive, pos, true or 0, negative, neg, false; default: label or sentiment",
    )
    own.add_argument(
        "--skip-bad-rows", action="store_true", help="leave out what cannot be used, instead of stopping; it is counted"
    )


def _add_training_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--output",
        type=Path,
        help=f"folder of bundle versions; its name is the bundle's (default: {IMDB_MODELS}; own reviews need one)",
    )
    options.add_argument(
        "--version", type=_version, help="number of the new bundle; default: one more than the newest there"
    )
    options.add_argument(
        "--recipe",
        choices=sorted(RECIPES),
        default="book",
        help="book: as in the book. best: 10,000 chosen terms of up to three words, learnt from a teacher that also "
        "reads the unlabelled reviews (pass their archive too); 9 minutes on two cores (default: %(default)s)",
    )
    changes = options.add_argument_group("changes to the recipe, among them what the book says to try (3.4.6)")
    changes.add_argument("--layers", type=int, choices=(1, 2, 3), help="hidden layers, all as wide as the first")
    changes.add_argument("--units", type=_positive, metavar="N", help="width of the hidden layers: 16, 32, 64, ...")
    changes.add_argument("--activation", choices=("relu", "tanh"), help="of the hidden layers")
    changes.add_argument("--loss", choices=("binary_crossentropy", "mse"), help="what training makes small")
    changes.add_argument("--learning-rate", type=_rate, metavar="RATE", help="of the optimizer")
    changes.add_argument("--epochs", type=_positive, metavar="N", help="of the run with validation (the book: 20)")
    changes.add_argument(
        "--batch-size", type=_positive, metavar="N", help="reviews a step (the book: 512, fewer for fewer reviews)"
    )
    changes.add_argument(
        "--validation",
        type=_positive,
        metavar="N",
        help="training reviews set aside for validation (the book: 10,000, that is 40 %%)",
    )
    changes.add_argument("--seed", type=_seed, metavar="N", help="of shuffle, initial weights and dropout (default: 0)")


def chosen_recipe(options: argparse.Namespace, reviews: int = FULL) -> Recipe:
    """The recipe named, brought down to so many training reviews, with the changes that the options ask for."""
    recipe = adapted(RECIPES[options.recipe], reviews)
    names = ("activation", "loss", "learning_rate", "epochs", "batch_size", "validation", "seed")
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    layers = options.layers or len(recipe.hidden_units)
    units = (options.units or recipe.hidden_units[0],) * layers
    return replace(recipe, hidden_units=units, **changes)


def chosen_columns(options: argparse.Namespace) -> Columns:
    """The columns named, or the usual ones."""
    named = {"text": options.text_column, "label": options.label_column}
    return Columns(**{field: (name,) for field, name in named.items() if name is not None})


def _version(text: str) -> str:
    if not (text.isascii() and text.isdigit() and str(int(text)) == text and text != "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return text


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST_SEED):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, such as 0.001")
    return rate
