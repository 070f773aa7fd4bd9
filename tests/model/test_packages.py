"""How optional packages are installed."""

import re
import tomllib

import pytest

from app.model.packages import how_to_install
from tests.servers import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_advice_in_a_clone_names_a_file_that_exists(extra: str) -> None:
    (file,) = re.findall(r"requirements/\w+\.txt", how_to_install(extra))
    assert (ROOT / file).is_file()
