"""Experiments on the training set alone: a recipe's variants over several seeds, and its learning curve.

Variants are measured on the reviews held out for validation. Their runs are kept in runs.jsonl, so an interrupted grid
continues where it stopped; runs on other reviews stay there, too, and are left out of the report.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from app.evaluation.metrics import measure
from training.dataset import Dataset, hold_out, shuffled
from training.errors import TrainingError
from training.network import History, Recipe, TrainedModel
from training.report import plot_curves

RUNS, TABLE = "runs.jsonl", "results.md"
Run = dict[str, Any]
"""variant, seed, the digests `dataset` and `unlabelled`, and the history."""

CURVE_SHARE = 0.2
"""Share of the training set that a learning curve is measured on."""
CURVE_MIN = 50
"""Smallest default size of a learning curve; fewer reviews say more about chance than about learning."""


def run_experiments(name: str, dataset: Dataset, folder: Path, progress: Progress, seeds: Sequence[int]) -> list[Run]:
    """Do the missing runs of a recipe, each variant with each seed, then write the table and the pictures.

    Returns:
        The runs on these reviews, including earlier ones.

    Raises:
        TrainingError: Writing failed, for example because the disk is full. Complete runs are kept.
    """
    recipes = import_module(f"training.{name}")
    digests = {"dataset": dataset.digest, "unlabelled": dataset.unlabelled_digest}
    path = folder / RUNS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        runs = [run for run in map(json.loads, lines) if {name: run.get(name, "") for name in digests} == digests]
        done = {(run["variant"], run["seed"]) for run in runs}
        missing = [(variant, seed) for seed in seeds for variant in recipes.VARIANTS if (variant, seed) not in done]
        for variant, seed in progress.track(missing, description="experiments"):
            recipe = replace(recipes.VARIANTS[variant].scaled(len(dataset.train)), seed=seed)
            history = recipes.validate_model(dataset, recipe, progress)
            runs.append({"variant": variant, "seed": seed, **digests, "history": history})
            lines.append(json.dumps(runs[-1]))
            whole = path.with_name(f".{RUNS}")  # the file has complete runs only, also after a full disk
            whole.write_text("\n".join(lines) + "\n")
            whole.replace(path)
        write_experiments(list(recipes.VARIANTS), runs, folder)
    except OSError as error:
        raise TrainingError(
            f"{folder}: the report cannot be written ({error}). Complete runs are kept; free some space and run the "
            "same command again to continue"
        ) from error
    return runs


def write_experiments(variants: Sequence[str], runs: Sequence[Run], folder: Path) -> None:
    """Write the table and the pictures; the first variant is the recipe itself."""
    histories = {name: [run["history"] for run in runs if run["variant"] == name] for name in variants}
    histories = {name: found for name, found in histories.items() if found}
    head = ("variant", "seeds", "best epoch", "accuracy there", "loss there", "final accuracy", "final loss")
    rows = [(name, len(found), *_summary(found)) for name, found in histories.items()]
    table = [f"| {' | '.join(map(str, row))} |\n" for row in (head, ["---"] * len(head), *rows)]
    (folder / TABLE).write_text("".join(table), encoding="utf-8")

    def curves(metric: str) -> dict[str, list[list[float]]]:
        return {name: [history[metric] for history in found] for name, found in histories.items()}

    for metric in ("accuracy", "loss"):
        title = f"Validation {metric}, mean and range over seeds"
        plot_curves(folder / f"{metric}.png", title, metric, curves(f"val_{metric}"))
    recipe = next(iter(histories))
    both = {"training loss": curves("loss")[recipe], "validation loss": curves("val_loss")[recipe]}
    plot_curves(folder / "overfitting.png", f"{recipe}: training and validation loss", "loss", both)


def _summary(histories: Sequence[History]) -> list[str]:
    """The epoch with the lowest validation loss, the metrics there, and those after the last epoch, over the seeds."""
    best = [int(np.argmin(history["val_loss"])) for history in histories]
    there, final = [], []
    for metric in ("val_accuracy", "val_loss"):
        values = [history[metric][epoch] for history, epoch in zip(histories, best, strict=True)]
        spread = f" ± {np.std(values):.4f}" if len(values) > 1 else ""  # one run has none
        there.append(f"{np.mean(values):.4f}{spread}")
        final.append(f"{np.mean([history[metric][-1] for history in histories]):.4f}")
    return [f"{np.mean(best) + 1:.1f}", *there, *final]


def learning_curve(
    dataset: Dataset, recipe: Recipe, sizes: Sequence[int], seeds: Sequence[int], progress: Progress
) -> tuple[dict[int, list[dict[str, float]]], int]:
    """Run a recipe, scaled to each size, on parts of the training set; each seed holds out another fifth of it.

    Sizes include the reviews for validation; by default they are all that are left, half of them, a quarter, …

    Returns:
        Size -> what `measure` returns, per seed; and the number of reviews held out.

    Raises:
        TrainingError: A size is larger than the training set without the reviews held out.
    """
    held_out = round(CURVE_SHARE * len(dataset.train))
    most = len(dataset.train) - held_out
    chosen = sorted(set(sizes or [most >> i for i in range(5) if most >> i >= CURVE_MIN] or [most]))
    if chosen[-1] > most:
        raise TrainingError(f"no {chosen[-1]:,} reviews to train on: {held_out:,} are held out, and {most:,} are left")
    points: dict[int, list[dict[str, float]]] = {size: [] for size in chosen}
    runs = [(seed, size) for seed in seeds for size in chosen]
    for seed, size in progress.track(runs, description="learning curve"):
        rest, aside = hold_out(shuffled(dataset.train, seed), held_out)
        part = replace(dataset, train=rest.take(np.arange(size)), min_reviews=2, unlabelled=())
        scaled = replace(recipe.scaled(size), seed=seed)
        model: TrainedModel = import_module(f"training.{recipe.name}").train_model(part, scaled, progress)
        points[size].append(measure(model.predict_rows(model.encode(aside.sequences)), aside.labels))
    return points, held_out
