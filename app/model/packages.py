"""Optional packages, and how to install them."""

from importlib.util import find_spec
from pathlib import Path

from .errors import PackageMissing

REQUIREMENTS = {"tensorflow": "serving"}
"""Extra -> its file in requirements/, where the name differs."""


def how_to_install(extra: str) -> str:
    """Say how to install an extra of this project, in a clone or where it was installed, for the end of a sentence."""
    requirements = Path("requirements", f"{REQUIREMENTS.get(extra, extra)}.txt")
    if (Path(__file__).parents[2] / requirements).is_file():
        return f"run `.venv/bin/python -m pip install -r {requirements}`"
    return (
        f"install review-sentiment again with the extra: `uv tool install '.[{extra}]'`, `pipx install --force "
        f"'.[{extra}]'` or `pip install '.[{extra}]'` in a clone"
    )


def require_modules(extra: str, *modules: str) -> None:
    """Check that modules can be imported, without importing them.

    Raises:
        PackageMissing: One is not installed.
    """
    if missing := [module for module in modules if find_spec(module) is None]:
        raise PackageMissing(f"this needs {' and '.join(missing)}; {how_to_install(extra)}")
