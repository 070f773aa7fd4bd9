"""The book's figures 3.7 and 3.8: how loss and accuracy go on the training and the validation reviews."""

from pathlib import Path

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
    figure = Figure(figsize=(6.4, 4.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    epochs = range(1, len(history[metric]) + 1)
    axes.plot(epochs, history[metric], "o", color="tab:blue", label=f"training {metric}")
    axes.plot(epochs, history[f"val_{metric}"], "-", color="tab:blue", label=f"validation {metric}")
    axes.axvline(chosen_epochs, color="0.6", linewidth=1, linestyle=":", label="epochs of the final network")
    axes.set(title=f"Training and validation {metric}", xlabel="epochs", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    figure.savefig(path, metadata={"Software": None})  # the same history gives the same bytes
