"""The page about bulk scoring says what the code does and what was measured."""

import json
import re

from app.model.prediction import FIELDS
from benchmarks.bulk import DOCUMENT, RESULTS, table
from tests.servers import run_python

TEXT = DOCUMENT.read_text()


def test_table_comes_from_the_results() -> None:
    assert table(json.loads(RESULTS.read_text())) in TEXT


def test_options_and_columns_exist() -> None:
    shown = run_python("-m", "app", "bulk", "--help").stdout
    options = set(re.findall(r"--[a-z][a-z-]+", shown))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= options | {"--head", "--port", "--address", "--force"}
    assert all(f"`{name}`" in TEXT for name in (*FIELDS, "reasons", "error"))
