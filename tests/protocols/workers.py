"""The real clients of other model servers, at work in a process of their own: they want packages that we do not."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import environment

FOLDER = Path(__file__).parent


class Failure(Exception):
    """What the client raised, as its user would meet it.

    Attributes:
        kind: Name of the client's exception.
        message: Its text.
        status: The HTTP status in it.
        undecoded: Whether the client says that it could not make sense of the answer.
    """

    def __init__(self, kind: str, message: str, status: int | None, undecoded: bool) -> None:
        super().__init__(f"{kind} ({status}): {message}")
        self.kind, self.message, self.status, self.undecoded = kind, message, status, undecoded


class Worker:
    """Asks one of `triton_worker.py` and `kserve_worker.py`, which say what they take; an answer is a line of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, url: str, call: str, **request: Any) -> Any:
        """Let the client call a server.

        Raises:
            Failure: The client raised an error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"url": url, "call": call, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the worker ended at {call}"
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(**answer["error"])
        return answer["value"]


@contextmanager
def working(python: Path, script: str) -> Iterator[Worker]:
    """Run a worker with the Python of another environment for as long as the block lasts."""
    with subprocess.Popen(
        [python, FOLDER / script],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Worker(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # it ends when it is told nothing more
