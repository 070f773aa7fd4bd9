"""docs/bulk.md says what the code does and what was measured."""

import json
import re

from app.bulk.__main__ import parser
from app.bulk.job import PREDICTED, TRACE
from app.inference.prediction import Prediction
from app.settings import Settings
from benchmarks.bulk import DOCUMENT, RESULTS, table

TEXT = DOCUMENT.read_text()


def test_table_comes_from_the_results() -> None:
    assert table(json.loads(RESULTS.read_text())) in TEXT


def test_commands_and_options_are_those_of_the_program() -> None:
    options = parser(Settings())
    commands = re.findall(r"^python -m app\.bulk (.*?)(?:\s+#.*)?$", TEXT, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        options.parse_args(command.split())
    known = {option for action in options._actions for option in action.option_strings}
    ray_own = {"--head", "--port", "--address"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= known | ray_own


def test_exit_codes_are_those_of_the_help() -> None:
    shown = options_epilog()
    for code, meaning in re.findall(r"^\| (\d[\d, ]*) \| (.*?) \|$", TEXT, re.MULTILINE):
        assert re.search(rf"^  {code}  {re.escape(meaning.split(',')[0])}", shown, re.MULTILINE), code


def options_epilog() -> str:
    epilog = parser(Settings()).epilog
    assert epilog
    return epilog


def test_added_columns_are_in_the_document() -> None:
    for name in (*PREDICTED, *TRACE):
        assert f"`{name}`" in TEXT
    assert all(hasattr(Prediction(0.5, 1, 1), name) for name in PREDICTED)
