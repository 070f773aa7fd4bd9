"""`python -m training`: train a bundle and say how good it is."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.inference.bundle import bundle_versions, load_bundle
from app.inference.errors import SentimentError
from training.archive import Review
from training.collection import Source
from training.dataset import OWN, Dataset
from training.errors import SourceError
from training.keras_imdb import UNKNOWN_WORD
from training.notices import tell
from training.options import IMDB_MODELS, OWN_OPTIONS, chosen_columns, chosen_recipe, parser
from training.recipe import RECIPES, Recipe
from training.records import holds_rows


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code is 0 done, 1 failed with an explanation, 2 wrong options, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["train", *given]
    options = parser().parse_args(given)
    _check(options)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    commands = {"train": _train, "experiments": _experiments, "compare": _compare, "curve": _curve}
    try:
        with Progress(*columns, console=console) as progress:
            lines = commands[options.command](options, progress)
    except (SentimentError, OSError) as error:
        return _fail(str(error), console)
    except ModuleNotFoundError as error:
        package = (error.name or "app").partition(".")[0]
        if package in ("app", "training"):
            raise  # a fault of ours: nothing that could be installed is missing
        needs = "`make setup-training` installs what training needs, requirements/training.txt"
        return _fail(f"{package} is not installed; {needs}", console)
    except KeyboardInterrupt:
        console.print("interrupted; nothing half-made was left")
        return 130
    output = Console()
    for line in lines:
        output.print(line, highlight=False, soft_wrap=True)
    return 0


def _fail(message: str, console: Console) -> int:
    console.print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


def _check(options: argparse.Namespace) -> None:
    """End with exit code 2 where the reviews that are named do not go with the rest."""
    if options.dataset == ["keras"]:
        _check_keras(options)
    if not _is_own(options.dataset):
        given = [f"--{name}" for name in OWN_OPTIONS if getattr(options, name.replace("-", "_"), None)]
        if given:
            parser().error(f"{' and '.join(given)}: only files of your own reviews (--dataset my.csv) are read so")
        return
    if options.command == "experiments":
        parser().error(
            "the experiments are about the IMDB reviews; `curve` says what more reviews of yours would bring"
        )
    if options.command == "train" and options.output is None:
        parser().error(
            f"your own reviews need a folder of their own, since the newest bundle in {IMDB_MODELS} is the one that is "
            "served by default: add --output models/mine (any name; the bundle is called after the folder)"
        )


def _check_keras(options: argparse.Namespace) -> None:
    """Keras delivers words alone, and none for the rare ones: enough for the book's columns, not for texts or terms."""
    texts = "name the raw reviews instead (--dataset aclImdb_v1.tar.gz), or leave --dataset out to download them"
    if options.command not in ("train", "experiments"):
        parser().error(f"{options.command} needs reviews as texts, which --dataset keras does not hold: {texts}")
    if UNKNOWN_WORD in RECIPES[options.recipe].encoding.kept_punctuation:
        parser().error(
            f"the recipe {options.recipe} reads punctuation, which --dataset keras does not hold: {texts}, or take "
            "--recipe book"
        )


def _is_own(paths: list[str] | None) -> bool:
    return any(holds_rows(path) for path in paths or [])


def _train(options: argparse.Namespace, progress: Progress) -> list[Table | str]:
    models = options.output or IMDB_MODELS
    version = options.version or str(max(bundle_versions(models), default=0) + 1)
    dataset = _load(options, chosen_recipe(options), progress)
    recipe = chosen_recipe(options, len(dataset.train))
    _tell_of_unlabelled(dataset, recipe, progress)
    from training.train import train  # after reading: a wrong path is told before TensorFlow has loaded

    trained = train(dataset, recipe, models, version, progress)
    test = trained.evaluation["test"]
    other, name = (
        (trained.evaluation["book"], "the book")
        if dataset.own is None
        else (trained.evaluation["constant"], "without reading")
    )
    table = Table(title=f"{test['reviews']:,} test reviews", title_justify="left")
    for heading in ("", "this network", name):
        table.add_column(heading, justify="right")
    for metric in ("loss", "accuracy"):
        table.add_row(metric, f"{test[metric]:.3f}", f"{other[metric]:.3f}")
    low, high = test["accuracy_interval"]
    return [
        table,
        *([] if dataset.own is None else [f"95 % interval of the accuracy: {low:.3f} to {high:.3f}"]),
        f"epochs: {trained.epochs}" + " (the book: 4)" * (dataset.own is None and recipe.choose_epochs),
        f"bundle: {trained.bundle}",
        *([] if dataset.own is None else [f"serve it: SENTIMENT_MODEL_DIR={models} python -m app"]),
    ]


def _experiments(options: argparse.Namespace, progress: Progress) -> list[Table | str]:
    recipe = RECIPES[options.recipe]
    dataset = _load(options, recipe, progress)
    _tell_of_unlabelled(dataset, recipe, progress)
    from training.experiments import TABLE, run_experiments

    folder = options.output / options.recipe
    runs = run_experiments(options.recipe, dataset, folder, progress, options.seeds)
    return [f"{len(runs)} runs; the table is in {folder / TABLE}"]


def _compare(options: argparse.Namespace, progress: Progress) -> list[Table | str]:
    from training.archive import labels_of
    from training.compare import compare, judge, verdict

    reviews = [review for review in _read(options, progress) if review.split == "test"]
    if len({review.sentiment for review in reviews}) < 2:
        where = ", ".join(options.dataset or [])
        raise SourceError(f"{where}: no test reviews of both classes to compare on")
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


def _curve(options: argparse.Namespace, progress: Progress) -> list[Table | str]:
    recipe = RECIPES[options.recipe]
    dataset = _load(options, recipe, progress)
    from training.curve import learning_curve

    points, measured_on = learning_curve(dataset, recipe, options.sizes, options.seeds, progress)
    table = Table(title=f"recipe {recipe.name}, measured on {measured_on:,} reviews set aside", title_justify="left")
    for heading in ("training reviews", "accuracy", "loss"):
        table.add_column(heading, justify="right")
    for point in points:
        table.add_row(*point.row())
    return [table, f"mean and standard deviation over the seeds {', '.join(map(str, options.seeds))}"]


def _load(options: argparse.Namespace, recipe: Recipe, progress: Progress) -> Dataset:
    if options.dataset == ["keras"]:
        from training.keras_imdb import load_keras

        return load_keras(recipe.encoding)
    if _is_own(options.dataset):
        from training.collection import load_collection

        dataset, notices = load_collection(_source(options), recipe.encoding, progress)
        tell(notices, progress)
        return dataset
    from training.archive import load_archives

    return load_archives(
        _archives(options), progress, recipe.encoding.kept_punctuation, recipe.distillation is not None
    )


def _read(options: argparse.Namespace, progress: Progress) -> list[Review]:
    """The reviews as texts, of whatever source has some."""
    if not _is_own(options.dataset):
        from training.archive import read_reviews

        return read_reviews(_archives(options), progress)
    from training.collection import read_collection

    collection = read_collection(_source(options), progress)
    notices = collection.notices
    for folder in (options.a, options.b):
        learnt_from = load_bundle(folder).manifest.dataset
        if learnt_from["source"] == OWN and learnt_from["split"] != collection.facts["split"]:
            notices.append(
                f"{folder} was trained with another split ({learnt_from['split']}), so it may have learnt from some of "
                f"these test reviews ({collection.facts['split']}); the comparison would flatter it"
            )
    tell(notices, progress)
    return collection.reviews


def _source(options: argparse.Namespace) -> Source:
    return Source([Path(path) for path in options.dataset], chosen_columns(options), options.skip_bad_rows)


def _archives(options: argparse.Namespace) -> list[Path]:
    from training.archive import download

    return [Path(path) for path in options.dataset] if options.dataset else [download()]


def _tell_of_unlabelled(dataset: Dataset, recipe: Recipe, progress: Progress) -> None:
    """Say when a recipe has to go without the unlabelled reviews that it is made for."""
    if recipe.distillation is None or dataset.unlabelled:
        return
    hint = " (the official archive holds 50,000)" if dataset.own is None else ""
    missing = f"the recipe {recipe.name} also learns from unlabelled reviews, here are none, so it goes without{hint}"
    tell([missing], progress)


if __name__ == "__main__":
    sys.exit(main())
