"""Progress bars and notes on standard error."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


def new_progress() -> Progress:
    """Make progress bars with counts and times, to be used in a `with` block."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))


def note(progress: Progress, text: str) -> None:
    """Print something that the user should know, above the bars."""
    progress.console.print(f"note: {text}", markup=False, highlight=False, soft_wrap=True)
