"""The package of the Python client: generated types, and the examples in its README."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import PATIENCE, ROOT, Server, run_python

PACKAGE = ROOT / "clients/python"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (PACKAGE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
OUTPUTS = [
    r"positive 0\.\d+ A superb.*\nnegative 0\.\d+ A dull.*\n\['",
    r"^422 /problems/review-too-long .*\nReview 1 has more than 50000",
    "positive",
]


def test_models_are_up_to_date() -> None:
    """If not, run `datamodel-codegen` in clients/python."""
    pytest.importorskip("datamodel_code_generator")
    command = [sys.executable, "-m", "datamodel_code_generator", "--check"]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("code", "output"), list(zip(EXAMPLES, OUTPUTS, strict=True)))
def test_example_runs(served: Server, code: str, output: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
    done = run_python("-W", "error", "-c", code.replace("http://127.0.0.1:8000", served.url), env=environment)
    assert done.returncode == 0, done.stderr
    assert re.search(output, done.stdout), done.stdout


def test_examples_pass_strict_type_checks(tmp_path: Path) -> None:
    programs = [tmp_path / f"example_{number}.py" for number in range(len(EXAMPLES))]
    for program, code in zip(programs, EXAMPLES, strict=True):
        program.write_text(code)
    options = ["--strict", "--config-file", "", "--cache-dir", str(tmp_path)]
    environment = os.environ | {"MYPYPATH": str(PACKAGE)}
    done = run_python("-m", "mypy", *options, *map(str, programs), env=environment, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_license_is_that_of_the_service() -> None:
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
