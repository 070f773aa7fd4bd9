"""What a person should know before trusting a result, said above the progress bars."""

from collections.abc import Iterable

from rich.progress import Progress


def tell(notices: Iterable[str], progress: Progress) -> None:
    """Say each on a line of its own."""
    for notice in notices:
        progress.console.print(f"note: {notice}", markup=False, highlight=False, soft_wrap=True)
