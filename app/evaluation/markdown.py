"""Parts of reports in Markdown."""

from collections.abc import Sequence


def table(head: Sequence[object], *rows: Sequence[object]) -> str:
    """Render a table."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows))
