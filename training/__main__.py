"""`python -m training`: train a bundle and say how good it is."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.inference.bundle import bundle_versions
from app.inference.errors import SentimentError
from training.dataset import Dataset
from training.errors import SourceError
from training.recipe import RECIPES, Recipe

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
  python -m training --seed 7 --output /tmp/imdb           another seed, written elsewhere
  python -m training --layers 3 --units 64                 a larger network
  python -m training experiments --dataset aclImdb_v1.tar.gz       the book's further experiments
  python -m training compare models/imdb/1 models/imdb/2           should version 2 replace version 1?
  python -m training --recipe best --dataset aclImdb_labelled.tar.xz aclImdb_unsup.tar.xz

The bundle appears whole or not at all: models/imdb/<version>. Serve it with `python -m app`.
"""


def parser() -> argparse.ArgumentParser:
    """The options of all commands, with help that teaches; without a command, `train` is meant."""
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
    compare.add_argument("a", type=Path, help="the bundle's folder, such as models/imdb/1")
    compare.add_argument("b", type=Path, help="the one that may replace it, such as models/imdb/2")
    experiments.add_argument(
        "--output", type=Path, default=Path("docs/experiments"), help="where reports are kept (default: %(default)s)"
    )
    experiments.add_argument(
        "--recipe", choices=sorted(RECIPES), default="book", help="whose variants to run (default: %(default)s)"
    )
    experiments.add_argument("--seeds", nargs="+", type=int, metavar="N", help="default: 0 1 2")
    for command in (train, experiments, compare):
        command.add_argument(
            "--dataset",
            nargs="+",
            metavar="PATH",
            help="archives or folders of raw IMDB reviews, or the word `keras`; default: the official archive",
        )
    _add_training_options(train)
    return options


def _add_training_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--output", type=Path, default=Path("models/imdb"), help="folder of bundle versions (default: %(default)s)"
    )
    options.add_argument(
        "--version", type=_version, help="number of the new bundle; default: one more than the newest there"
    )
    options.add_argument(
        "--recipe",
        choices=sorted(RECIPES),
        default="book",
        help="book: as in the book. best: 10,000 chosen terms of up to three words, learnt from a teacher that also "
        "reads the unlabelled reviews (pass their archive too); 15 minutes (default: %(default)s)",
    )
    changes = options.add_argument_group("changes to the recipe, among them what the book says to try (3.4.6)")
    changes.add_argument("--layers", type=int, choices=(1, 2, 3), help="hidden layers, all as wide as the first")
    changes.add_argument("--units", type=_positive, metavar="N", help="width of the hidden layers: 16, 32, 64, ...")
    changes.add_argument("--activation", choices=("relu", "tanh"), help="of the hidden layers")
    changes.add_argument("--loss", choices=("binary_crossentropy", "mse"), help="what training makes small")
    changes.add_argument("--learning-rate", type=float, metavar="RATE", help="of the optimizer")
    changes.add_argument("--epochs", type=_positive, metavar="N", help="of the run with validation (the book: 20)")
    changes.add_argument("--batch-size", type=_positive, metavar="N", help="reviews a step (the book: 512)")
    changes.add_argument(
        "--validation", type=int, metavar="N", help="training reviews set aside for validation (the book: 10,000)"
    )
    changes.add_argument("--seed", type=int, metavar="N", help="of shuffle, initial weights and dropout (default: 0)")


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe named, with the changes that the options ask for."""
    recipe = RECIPES[options.recipe]
    names = ("activation", "loss", "learning_rate", "epochs", "batch_size", "validation", "seed")
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    layers = options.layers or len(recipe.hidden_units)
    units = (options.units or recipe.hidden_units[0],) * layers
    return replace(recipe, hidden_units=units, **changes)


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code is 0 done, 1 failed with an explanation, 2 wrong options, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["train", *given]
    options = parser().parse_args(given)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    commands = {"train": _train, "experiments": _experiments, "compare": _compare}
    try:
        with Progress(*columns, console=console) as progress:
            lines = commands[options.command](options, progress)
    except (SentimentError, OSError) as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; nothing half-made was left")
        return 130
    output = Console()
    for line in lines:
        output.print(line, highlight=False, soft_wrap=True)
    return 0


def _train(options: argparse.Namespace, progress: Progress) -> list[Table | str]:
    recipe = chosen_recipe(options)
    version = options.version or str(max(bundle_versions(options.output), default=0) + 1)
    dataset = _load(options.dataset, recipe, progress)
    from training.train import train  # after reading: a wrong path is told before TensorFlow has loaded

    trained = train(dataset, recipe, options.output, version, progress)
    test, book = trained.evaluation["test"], trained.evaluation["book"]
    table = Table(title=f"{test['reviews']:,} test reviews", title_justify="left")
    for heading in ("", "this network", "the book"):
        table.add_column(heading, justify="right")
    for metric in ("loss", "accuracy"):
        table.add_row(metric, f"{test[metric]:.3f}", f"{book[metric]:.3f}")
    return [table, f"epochs: {trained.epochs} (the book: 4)", f"bundle: {trained.bundle}"]


def _experiments(options: argparse.Namespace, progress: Progress) -> list[Table | str]:
    dataset = _load(options.dataset, RECIPES[options.recipe], progress)
    from training.experiments import SEEDS, TABLE, run_experiments

    folder = options.output / options.recipe
    runs = run_experiments(options.recipe, dataset, folder, progress, options.seeds or SEEDS)
    return [f"{len(runs)} runs; the table is in {folder / TABLE}"]


def _compare(options: argparse.Namespace, progress: Progress) -> list[Table | str]:
    from training.archive import download, labels_of, read_reviews
    from training.compare import compare, judge, verdict

    paths = [Path(path) for path in options.dataset] if options.dataset else [download()]
    reviews = [review for review in read_reviews(paths, progress) if review.split == "test"]
    if not reviews:
        raise SourceError(f"{', '.join(map(str, paths))}: no test reviews to compare on")
    a, b = judge(options.a, reviews), judge(options.b, reviews)
    result = compare(a, b, labels_of(reviews))
    table = Table(title=f"{len(reviews):,} test reviews", title_justify="left")
    for heading in ("", f"A: {options.a}", f"B: {options.b}"):
        table.add_column(heading, justify="right")
    for metric in a.metrics:
        table.add_row(metric, f"{a.metrics[metric]:.4f}", f"{b.metrics[metric]:.4f}")
    table.add_row("microseconds a review", f"{a.microseconds:.0f}", f"{b.microseconds:.0f}")
    return [
        table,
        f"only A is right: {result['only_a']}, only B is right: {result['only_b']}, p = {result['p_value']:.3g}",
        f"sentiment flips for {result['flipped']:.2%} of the reviews",
        f"should B replace A? {verdict(result)}",
    ]


def _load(paths: list[str] | None, recipe: Recipe, progress: Progress) -> Dataset:
    if paths == ["keras"]:
        from training.keras_imdb import load_keras

        return load_keras(recipe.encoding)
    from training.archive import download, load_archives

    archives = [Path(path) for path in paths] if paths else [download()]
    return load_archives(archives, progress, recipe.encoding.kept_punctuation, recipe.distillation is not None)


def _version(text: str) -> str:
    if not (text.isascii() and text.isdigit() and str(int(text)) == text and text != "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return text


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
