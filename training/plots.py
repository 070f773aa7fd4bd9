"""Pictures of a training run: the book's figures 3.7 and 3.8, and a reliability diagram."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.network import History


def plot_history(history: History, metric: str, chosen_epochs: int, path: Path) -> None:
    """Draw one metric over the epochs as a PNG.

    Args:
        history: Of the run with validation.
        metric: `loss` or `accuracy`.
        chosen_epochs: The epoch count that validation favours; marked.
        path: Where to write.
    """
    figure, axes = new_figure()
    epochs = range(1, len(history[metric]) + 1)
    axes.plot(epochs, history[metric], "o", color="tab:blue", label=f"training {metric}")
    axes.plot(epochs, history[f"val_{metric}"], "-", color="tab:blue", label=f"validation {metric}")
    axes.axvline(chosen_epochs, color="0.6", linewidth=1, linestyle=":", label="epochs of the final network")
    axes.set(title=f"Training and validation {metric}", xlabel="epochs", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    save_figure(figure, path)


def plot_reliability(bins: list[dict[str, float]], path: Path) -> None:
    """Draw how often reviews of about a probability are positive; on the diagonal, probabilities mean what they say.

    Args:
        bins: What `training.evaluation.calibration` returns.
        path: Where to write.
    """
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":")
    axes.plot([b["probability"] for b in bins], [b["positive"] for b in bins], "o-", color="tab:blue")
    axes.bar(
        [b["probability"] for b in bins],
        [b["share"] for b in bins],
        width=0.04,
        color="0.85",
        label="share of the reviews",
    )
    axes.set(title="Reliability on the test reviews", xlabel="probability said", ylabel="share that is positive")
    axes.legend()
    save_figure(figure, path)


def new_figure() -> tuple[Figure, Axes]:
    """Make an empty picture of the size that reports use."""
    figure = Figure(figsize=(6.4, 4.4), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture as a PNG."""
    figure.savefig(path, metadata={"Software": None})  # the same numbers give the same bytes
