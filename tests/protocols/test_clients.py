"""The real clients of other model servers, tritonclient and kserve, against the real service.

Their packages conflict with ours, so each program runs in an environment of its own.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.protocols.expectations import SECRET
from tests.servers import PATIENCE, ROOT, Server, environment

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("program", ["tritonclient_program", "kserve_program"])
def test_client_program_succeeds(protocols: Path, limited: Server, program: str) -> None:
    command = [str(protocols), "-m", "unittest", f"tests.protocols.{program}"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment() | {"SERVICE": limited.url},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert re.search("^Ran [1-9]", done.stderr, re.MULTILINE)
    assert SECRET not in "".join(limited.lines)
