"""How far a job is: a bar for people at a terminal, otherwise a line now and then, on the error stream."""

import json
import sys
import time
from types import TracebackType
from typing import Any, Self

INTERVAL = 10.0
"""Seconds between two lines."""


class Report:
    """Tells how far the work is.

    Args:
        as_json: Whether lines are for machines.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._bar = None if as_json or not sys.stderr.isatty() else _bar()
        self._task: Any = None
        self._what, self._unit, self._total, self._first, self._done = "", "", 0, 0, 0
        self._began = self._told = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def start(self, what: str, unit: str, total: int, done: int = 0) -> None:
        """Begin with a kind of work.

        Args:
            what: In words.
            unit: What is counted.
            total: Of these.
            done: How many were done before.
        """
        self._what, self._unit, self._total, self._first, self._done = what, unit, total, done, done
        self._began = self._told = time.monotonic()
        if self._bar:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(what, total=total, completed=done, unit=unit)

    def advance(self, count: int) -> None:
        """So much more is done."""
        self._done += count
        if self._bar:
            self._bar.advance(self._task, count)
        elif time.monotonic() - self._told >= INTERVAL:
            self._told = time.monotonic()
            self._tell()

    def say(self, what: str) -> None:
        """Tell a person something beside the progress; machines learn it from the summary."""
        if self._bar:
            self._bar.console.print(what, markup=False, highlight=False)
        elif not self._as_json:
            print(what, file=sys.stderr)  # noqa: T201  # a command line prints

    def _tell(self) -> None:
        rate = (self._done - self._first) / (time.monotonic() - self._began)
        left = (self._total - self._done) / rate if rate else None
        if self._as_json:
            line = json.dumps(
                {"step": self._what, "done": self._done, "total": self._total, "unit": self._unit}
                | {"a_second": round(rate, 1), "seconds_left": None if left is None else round(left, 1)}
            )
        else:
            share = self._done / self._total if self._total else 1
            line = f"{self._what}: {self._done:,} of {self._total:,} {self._unit} ({share:.0%}), {rate:,.0f} a second"
            line += "" if left is None else f", {left:,.0f} s left"
        print(line, file=sys.stderr, flush=True)  # noqa: T201  # a command line prints


def _bar() -> Any:
    """A progress bar for a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Counted(ProgressColumn):
        """How many are done, of how many, and how fast."""

        def render(self, task: Task) -> Text:
            speed = f", {task.speed:,.0f}/s" if task.speed else ""
            return Text(f"{task.completed:,.0f} of {task.total or 0:,.0f} {task.fields['unit']}{speed}")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        Counted(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        speed_estimate_period=10,
    )
