"""The examples of clients/README.md, and what the first one of each language must do."""

import re
import subprocess
from collections.abc import Callable

from tests.proxies import RETRY_AFTER, proxying
from tests.servers import ROOT, Server


def example(language: str, number: int, url: str | None = None, tries: int | None = None) -> str:
    """Read an example from clients/README.md.

    Args:
        language: The language of the code block.
        number: Index among the code blocks of this language.
        url: Replaces the address in the example.
        tries: Replaces the maximum number of tries, which is ten.
    """
    readme = (ROOT / "clients/README.md").read_text()
    code: str = re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[number]
    if url is not None:
        code = _replaced(code, "http://127.0.0.1:8000", url)
    if tries is not None:
        code = _replaced(code, "tries: int = 10" if language == "python" else "tries = 10", f"tries = {tries}")
    return code


def _replaced(code: str, old: str, new: str) -> str:
    assert code.count(old) == 1
    return code.replace(old, new)


def assert_retries(service: Server, run: Callable[[str, int], subprocess.CompletedProcess[str]]) -> None:
    """Run the first example against an overloaded service: it waits as told, and gives up after so many tries.

    Args:
        service: What answers once it is no longer overloaded.
        run: Runs the example with an address and a number of tries.
    """
    with proxying(service.url) as proxy:
        proxy.refusals["/predict"] = 3
        impatient = run(proxy.url, 2)
        assert impatient.returncode == 1
        assert "Error: 503 after 2 tries" in impatient.stderr
        assert "urn:problem-type:sentiment:overloaded" in impatient.stderr
        patient = run(proxy.url, 10)
        assert patient.returncode == 0, patient.stderr
        assert [line.split()[0] for line in patient.stdout.splitlines()] == ["positive", "negative"]
        first, second, third, fourth = proxy.arrivals
        assert min(second - first, fourth - third) >= RETRY_AFTER - 0.1  # timers of Node may be a little early
