"""How optional packages are installed."""

import re
import tomllib

import pytest

from app.model.packages import how_to_install
from tests.servers import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_advice_names_the_extra_and_a_file_that_exists(extra: str) -> None:
    advice = how_to_install(extra)
    assert f"review-sentiment[{extra}]" in advice
    (file,) = re.findall(r"requirements/\w+\.txt", advice)
    assert (ROOT / file).is_file()
