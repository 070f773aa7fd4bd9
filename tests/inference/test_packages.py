"""How optional packages are installed."""

import sys
from pathlib import Path

import pytest

from app.inference import packages
from app.inference.packages import how_to_install


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/me/.local/share/pipx/venvs/review-sentiment", "`pipx inject review-sentiment scikit-learn scipy`"),
        ("/home/me/.local/share/uv/tools/review-sentiment", "uv's option `--with scikit-learn,scipy`"),
        ("/srv/venv", "`pip install scikit-learn scipy`"),
    ],
)
def test_packages_of_an_installed_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, command: str
) -> None:
    monkeypatch.setattr(packages, "CLONE", tmp_path)  # without requirements/, as in site-packages
    monkeypatch.setattr(sys, "prefix", prefix)
    assert how_to_install("evaluation", "scikit-learn", "scipy") == command


def test_packages_in_a_clone_come_from_a_file_that_exists() -> None:
    assert how_to_install("bulk", "pyarrow") == "`.venv/bin/python -m pip install -r requirements/bulk.txt`"
