"""The commands of `python -m training`: train (the default), experiments, compare, curve."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperGroup

from app.inference.bundle import bundle_versions, load_bundle
from app.inference.errors import SentimentError
from app.inference.vocabulary import Encoding
from training.archive import download, load_archives, read_reviews
from training.collection import COLUMNS, Collection, is_own, load_collection, read_collection
from training.dataset import OWN, Dataset, labels_of, read_sentences
from training.errors import SourceError

IMDB_MODELS = Path("models/imdb")
KERAS = Path("keras")
RAW = "name the raw reviews (--dataset aclImdb_v1.tar.gz), or leave --dataset out to download them"
LISTS = ("--dataset", "--sizes", "--seeds")
"""Options that take several values."""
MAX_SEED = 2**32 - 1
"""The largest that NumPy's legacy generator takes, which Keras seeds, too."""

EXAMPLES = """
For example:

    python -m training                                        # download the official archive (84 MB, once) and train
    python -m training --dataset aclImdb_v1.tar.gz            # a local copy, or the folder it extracts to
    python -m training --dataset aclImdb/train aclImdb/test   # several paths together are the data set
    python -m training --dataset keras                        # the reviews as Keras packages them, as in the book
    python -m training --dataset my.csv --output models/mine  # your own reviews: columns text and label
    python -m training --seed 7 --output /tmp/imdb            # another seed, written elsewhere
    python -m training --layers 3 --units 64                  # a larger network
    python -m training --recipe best --dataset aclImdb_labelled.tar.xz aclImdb_unsup.tar.xz
    python -m training experiments                            # the book's further experiments
    python -m training compare models/imdb/1 models/imdb/2    # should version 2 replace version 1?
    python -m training curve --dataset my.csv                 # would more reviews help?

Exit codes: 0 done, 1 failed with an explanation, 2 wrong options, 130 interrupted.
"""


class Commands(TyperGroup):
    """Trains if no command is given, accepts lists of values, and prints errors without a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See Click; `--dataset a b` means `--dataset a --dataset b`, which Click cannot express."""
        own = [option for parameter in self.get_params(ctx) for option in parameter.opts]
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["train", *args]
        expanded: list[str] = []
        option = ""
        for arg in args:
            if arg.startswith("-"):
                option = arg if arg in LISTS else ""
            elif option and expanded[-1] != option:
                expanded.append(option)
            expanded.append(arg)
        return super().parse_args(ctx, expanded)

    def invoke(self, ctx: Any) -> Any:
        """See Click."""
        try:
            return super().invoke(ctx)
        except (SentimentError, OSError) as error:
            message, code = f"error: {error}", 1
        except ModuleNotFoundError as error:
            package = (error.name or "training").partition(".")[0]
            if package in ("app", "training"):
                raise  # a fault of ours: nothing is missing that could be installed
            needs = "`make setup-training` installs what training needs, requirements/training.txt"
            message, code = f"error: {package} is not installed; {needs}", 1
        except KeyboardInterrupt:
            message, code = "interrupted; nothing incomplete was left", 130
        typer.echo(message, err=True)
        raise typer.Exit(code)


app = typer.Typer(
    cls=Commands,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Train the review-sentiment network and write it as a bundle that `python -m app` can serve.",
    epilog=EXAMPLES,
)


def _above_0(rate: float | None) -> float | None:
    if rate is not None and not 0 < rate < math.inf:  # also false for NaN
        raise typer.BadParameter(f"{rate} is not a number above 0, such as 0.001")
    return rate


OWN_PANEL = "Your own reviews (.csv, .tsv, .jsonl; also compressed as .gz, .bz2, .xz)"
RECIPE_PANEL = "Changes to the recipe, such as the book's experiments (3.4.6)"


def _changed(text: str, **limits: Any) -> Any:
    return typer.Option(help=text, rich_help_panel=RECIPE_PANEL, show_default=False, **limits)


RecipeName = Annotated[
    Literal["book", "best"],
    typer.Option(
        "--recipe",
        help="book: as in the book. best: 10,000 chosen terms of several words, learnt with a larger model as a "
        "teacher, which also reads unlabelled reviews (pass their archive, too).",
    ),
]
Paths = Annotated[
    list[Path] | None,
    typer.Option(
        "--dataset",
        metavar="PATH...",
        help="Archives or folders of raw IMDB reviews, or your own reviews as .csv or .jsonl, or the word `keras`. "
        "By default, the official archive.",
    ),
]
Text = Annotated[
    str | None,
    typer.Option("--text-column", metavar="NAME", help="By default text or review.", rich_help_panel=OWN_PANEL),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        help="Has 1, positive, pos, true or 0, negative, neg, false. By default label or sentiment.",
        rich_help_panel=OWN_PANEL,
    ),
]
Skip = Annotated[
    bool,
    typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used; counts them.", rich_help_panel=OWN_PANEL),
]
Seeds = Annotated[list[int], typer.Option("--seeds", metavar="N...", min=0, max=MAX_SEED)]


@dataclass(frozen=True)
class Source:
    """Where a command's reviews come from."""

    paths: Sequence[Path]
    columns: Mapping[str, Sequence[str]]
    skip_bad_rows: bool

    @property
    def is_own(self) -> bool:
        """Whether they are a user's own reviews."""
        return any(map(is_own, self.paths))

    def load(self, encoding: Encoding, keep_unlabelled: bool, progress: Progress) -> Dataset:
        """Make a data set of them."""
        if self.paths == [KERAS]:
            from training.keras_imdb import load_keras

            return load_keras(encoding)
        if self.is_own:
            return load_collection(self.paths, encoding, progress, self.columns, self.skip_bad_rows)
        return load_archives(self.paths or [download()], progress, encoding, keep_unlabelled)

    def read(self, progress: Progress) -> Collection:
        """Read the raw reviews."""
        if self.is_own:
            return read_collection(self.paths, progress, self.columns, self.skip_bad_rows)
        return Collection(read_reviews(self.paths or [download()], progress), {}, [])


def _source(
    paths: Sequence[Path] | None, text: str | None = None, label: str | None = None, skip: bool = False
) -> Source:
    """Combine the options of a data set.

    Raises:
        typer.BadParameter: Options for own reviews are given without any.
    """
    given = {"--text-column": text, "--label-column": label, "--skip-bad-rows": skip}
    named = {field: (name,) for field, name in (("text", text), ("label", label)) if name is not None}
    source = Source(paths or [], {**COLUMNS, **named}, skip)
    if any(given.values()) and not source.is_own:
        options = " and ".join(option for option, value in given.items() if value)
        raise typer.BadParameter(f"{options}: only for files of your own reviews (--dataset my.csv)")
    return source


@app.command()
def train(
    dataset: Paths = None,
    output: Annotated[
        Path | None,
        typer.Option(help=f"Folder of bundle versions; its name is the bundle's. By default {IMDB_MODELS}."),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of the new bundle. By default, one more than the newest there.")
    ] = None,
    recipe: RecipeName = "book",
    sentences: Annotated[
        Path | None,
        typer.Option(help="Short texts that only the report evaluates: a rating, a tab and a sentence per line."),
    ] = None,
    text_column: Text = None,
    label_column: Label = None,
    skip_bad_rows: Skip = False,
    layers: Annotated[int | None, _changed("Hidden layers, all as wide as the first.", min=1, max=3)] = None,
    units: Annotated[int | None, _changed("Width of the hidden layers: 16, 32, 64, …", min=1)] = None,
    activation: Annotated[Literal["relu", "tanh"] | None, _changed("Of the hidden layers.")] = None,
    loss: Annotated[Literal["binary_crossentropy", "mse"] | None, _changed("What training minimises.")] = None,
    learning_rate: Annotated[float | None, _changed("Of the optimizer.", callback=_above_0)] = None,
    batch_size: Annotated[int | None, _changed("Reviews per step; the book: 512.", min=1)] = None,
    validation: Annotated[int | None, _changed("Training reviews held out; the book: 10,000.", min=1)] = None,
    epochs: Annotated[int | None, _changed("Of the run with validation; the book: 20. Also for best.", min=1)] = None,
    seed: Annotated[int | None, _changed("Of everything random; 0. Also for best.", min=0, max=MAX_SEED)] = None,
) -> None:
    """Train a bundle. This is the default command.

    The recipe book follows "Deep Learning with Python" (Chollet), chapter 3.4: rank the words of the training reviews,
    turn each review into a multi-hot row, hold out 10,000 reviews for validation, train for 20 epochs to see when
    over-fitting begins, train a new network on all reviews for the best number of epochs, and evaluate it once on the
    test reviews.

    The bundle appears completely or not at all, as a folder named after its version.
    """
    source = _source(dataset, text_column, label_column, skip_bad_rows)
    _check_keras(source, recipe)
    if source.is_own and output is None:
        raise typer.BadParameter(
            f"your own reviews need a folder of their own, because the newest bundle in {IMDB_MODELS} is served by "
            "default: add --output models/mine (any name; the bundle is called after the folder)"
        )
    book_only: dict[str, Any] = {
        "layers": layers,
        "units": units,
        "activation": activation,
        "loss": loss,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "validation": validation,
    }
    changes = {name: value for name, value in book_only.items() if value is not None}
    if recipe != "book" and changes:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in changes)
        raise typer.BadParameter(f"{options}: only for the recipe book; the recipe {recipe} has --epochs and --seed")
    changes |= {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    with _progress() as progress:
        chosen = _recipe(recipe)
        reviews = _load(source, chosen, progress)
        chosen = chosen.scaled(len(reviews.train))
        if recipe == "book":
            width = changes.pop("units", chosen.hidden_units[0])
            changes["hidden_units"] = (width,) * changes.pop("layers", len(chosen.hidden_units))
        from training.train import train

        models = output or IMDB_MODELS
        number = str(version or max(bundle_versions(models), default=0) + 1)
        rated = None if sentences is None else read_sentences(sentences, chosen.encoding)
        trained = train(reviews, replace(chosen, **changes), models, number, progress, rated)
    own = reviews.own is not None
    test, others = trained.report["test"], trained.report["constant" if own else "book"]
    rows = [(metric, f"{test[metric]:.3f}", f"{others[metric]:.3f}") for metric in ("loss", "accuracy")]
    low, high = test["accuracy_interval"]
    _print(
        _table(
            f"{test['reviews']:,} test reviews", ("", "this network", "without reading" if own else "the book"), rows
        ),
        f"95 % interval of the accuracy: {low:.3f} to {high:.3f}",
        f"certain predictions: {test['certain_share']:.0%}",
        f"epochs: {trained.epochs}" + " (the book: 4)" * (recipe == "book" and not own),
        f"bundle: {trained.folder}",
        *(own * [f"serve it: SENTIMENT_MODEL_DIR={models} python -m app"]),
    )


@app.command()
def experiments(
    dataset: Paths = None,
    output: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("docs/experiments"),
    recipe: RecipeName = "book",
    seeds: Seeds = [0, 1, 2],  # noqa: B006
) -> None:
    """Run a recipe's variants over several seeds and write the report.

    Trains with one thing changed at a time, on the training reviews only. Continues where it stopped.
    """
    source = _source(dataset)
    _check_keras(source, recipe)
    if source.is_own:
        raise typer.BadParameter("the experiments are about the IMDB reviews; for your own reviews there is `curve`")
    with _progress() as progress:
        reviews = _load(source, _recipe(recipe), progress)
        from training.experiments import TABLE, run_experiments

        runs = run_experiments(recipe, reviews, output / recipe, progress, seeds)
    _print(f"{len(runs)} runs; the table is in {output / recipe / TABLE}")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A bundle's folder, such as models/imdb/1.")],
    b: Annotated[Path, typer.Argument(help="The one that may replace it, such as models/imdb/2.")],
    dataset: Paths = None,
    text_column: Text = None,
    label_column: Label = None,
    skip_bad_rows: Skip = False,
) -> None:
    """Decide whether bundle B should replace bundle A.

    Scores the test reviews with both: accuracy with McNemar's test, flipped sentiments, calibration, speed.
    """
    source = _source(dataset, text_column, label_column, skip_bad_rows)
    if source.paths == [KERAS]:
        raise typer.BadParameter(f"compare needs raw reviews, and Keras has only words: {RAW}")
    with _progress() as progress:
        reviews, facts, notices = source.read(progress)
        for folder in (a, b):
            trained_on = load_bundle(folder).manifest.dataset
            if source.is_own and trained_on["source"] == OWN and trained_on["split"] != facts["split"]:
                notices.append(
                    f"{folder} was trained with another split ({trained_on['split']}), so it may have been trained on "
                    f"some of these test reviews ({facts['split']}), and seem better than it is"
                )
        _print_notes(notices, progress)
        test = [review for review in reviews if review.split == "test"]
        labels = labels_of(test)
        if len(set(labels.tolist())) < 2:
            raise SourceError(f"{', '.join(map(str, source.paths))}: no test reviews of both classes to compare on")
        from training.compare import compare, score

        one, other = (score(folder, [review.text for review in test], labels) for folder in (a, b))
    result = compare(one.probabilities, other.probabilities, labels)
    rows = [(name, f"{one.metrics[name]:.4f}", f"{other.metrics[name]:.4f}") for name in one.metrics]
    rows.append(("microseconds per review", f"{one.microseconds:.0f}", f"{other.microseconds:.0f}"))
    _print(
        _table(f"{len(test):,} test reviews", ("", f"A: {a}", f"B: {b}"), rows),
        f"only A is right: {result.only_a}, only B is right: {result.only_b}, p = {result.p_value:.3g}",
        f"sentiment flips for {result.flipped:.2%} of the reviews",
        f"should B replace A? {result.verdict}",
    )


@app.command()
def curve(
    dataset: Paths = None,
    text_column: Text = None,
    label_column: Label = None,
    skip_bad_rows: Skip = False,
    recipe: RecipeName = "book",
    sizes: Annotated[
        list[int] | None,
        typer.Option(metavar="N...", min=1, help="Training reviews. By default all, half, a quarter, …"),
    ] = None,
    seeds: Seeds = [0, 1, 2],  # noqa: B006
) -> None:
    """Show how much more reviews would help.

    Trains on more and more of the training reviews, over several seeds, and measures on a fifth of them that is held
    out. Neither the test reviews nor unlabelled ones are used, and nothing is written.
    """
    source = _source(dataset, text_column, label_column, skip_bad_rows)
    if source.paths == [KERAS]:
        raise typer.BadParameter(f"curve needs raw reviews, and Keras has only words: {RAW}")
    with _progress() as progress:
        chosen = _recipe(recipe)
        reviews = source.load(chosen.encoding, False, progress)
        _print_notes(reviews.notices, progress)
        from training.experiments import learning_curve

        points, held_out = learning_curve(reviews, chosen, sizes or [], seeds, progress)
    rows = [(f"{point.size:,}", *map(_mean_and_deviation, (point.accuracies, point.losses))) for point in points]
    _print(
        _table(
            f"recipe {recipe}, measured on {held_out:,} reviews held out",
            ("training reviews", "accuracy", "loss"),
            rows,
        ),
        f"mean and standard deviation over the seeds {', '.join(map(str, seeds))}",
    )


def _mean_and_deviation(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.3f} ± {statistics.pstdev(values):.3f}"


def _check_keras(source: Source, recipe: str) -> None:
    if source.paths == [KERAS] and recipe != "book":
        raise typer.BadParameter(
            f"the recipe {recipe} needs raw reviews, and Keras has only words: {RAW}, or use --recipe book"
        )


def _recipe(name: str) -> Any:
    """The recipe itself, the first of its module's variants; loads TensorFlow."""
    return next(iter(import_module(f"training.{name}").VARIANTS.values()))


def _load(source: Source, recipe: Any, progress: Progress) -> Dataset:
    dataset = source.load(recipe.encoding, recipe.reads_unlabelled, progress)
    notices = list(dataset.notices)
    if recipe.reads_unlabelled and not dataset.unlabelled:
        hint = "" if source.is_own else "; the official archive has 50,000"
        notices.append(f"the recipe {recipe.name} also uses unlabelled reviews, but there are none{hint}")
    _print_notes(notices, progress)
    return dataset


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        yield progress


def _print_notes(notices: Sequence[str], progress: Progress) -> None:
    for notice in notices:
        progress.console.print(f"note: {notice}", markup=False, highlight=False, soft_wrap=True)


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _print(*lines: Table | str) -> None:
    console = Console()
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
