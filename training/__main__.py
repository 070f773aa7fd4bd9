"""`python -m training`: train a bundle and say how good it is."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.inference.bundle import bundle_versions
from app.inference.errors import SentimentError
from training.dataset import Dataset
from training.recipe import Recipe

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

The bundle appears whole or not at all: models/imdb/<version>. Serve it with `python -m app`.
"""


def parser() -> argparse.ArgumentParser:
    """The options, with help that teaches."""
    book = Recipe()
    options = argparse.ArgumentParser(
        prog="python -m training",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "--dataset",
        nargs="+",
        metavar="PATH",
        help="archives or folders of raw IMDB reviews, or the word `keras`; default: the official archive",
    )
    options.add_argument(
        "--output", type=Path, default=Path("models/imdb"), help="folder of bundle versions (default: %(default)s)"
    )
    options.add_argument(
        "--version", type=_version, help="number of the new bundle; default: one more than the newest there"
    )
    options.add_argument(
        "--seed", type=int, default=book.seed, help="of shuffle and initial weights (default: %(default)s)"
    )
    options.add_argument(
        "--validation",
        type=int,
        default=book.validation,
        metavar="N",
        help="training reviews set aside to choose the number of epochs (default: %(default)s)",
    )
    options.add_argument(
        "--epochs", type=_positive, default=book.epochs, help="of the run with validation (default: %(default)s)"
    )
    options.add_argument(
        "--batch-size", type=_positive, default=book.batch_size, help="reviews a step (default: %(default)s)"
    )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit code: 0 done, 1 failed with an explanation, 2 wrong options, 130 interrupted."""
    options = parser().parse_args(arguments)
    console = Console(stderr=True)
    recipe = Recipe(
        seed=options.seed, validation=options.validation, epochs=options.epochs, batch_size=options.batch_size
    )
    version = options.version or str(max(bundle_versions(options.output), default=0) + 1)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=console) as progress:
            dataset = _load(options.dataset, recipe, progress)
            from training.train import train  # after reading: a wrong path is told before TensorFlow has loaded

            trained = train(dataset, recipe, options.output, version, progress)
    except (SentimentError, OSError) as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; no bundle was written")
        return 130
    test, book = trained.evaluation["test"], trained.evaluation["book"]
    table = Table(title=f"{test['reviews']:,} test reviews", title_justify="left")
    for heading in ("", "this network", "the book"):
        table.add_column(heading, justify="right")
    for metric in ("loss", "accuracy"):
        table.add_row(metric, f"{test[metric]:.3f}", f"{book[metric]:.3f}")
    output = Console()
    output.print(table)
    output.print(f"epochs favoured by validation: {trained.epochs} (the book: 4)", highlight=False)
    output.print(f"bundle: {trained.bundle}", highlight=False, soft_wrap=True)
    return 0


def _load(paths: list[str] | None, recipe: Recipe, progress: Progress) -> Dataset:
    if paths == ["keras"]:
        from training.keras_imdb import load_keras

        return load_keras(recipe.encoding)
    from training.archive import download, load_archives

    return load_archives([Path(path) for path in paths] if paths else [download()], progress)


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
