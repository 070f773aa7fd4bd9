"""Optional packages, and how to install them."""

from importlib.util import find_spec

from app.model.errors import PackageMissing

REQUIREMENTS = {"tensorflow": "serving"}
"""Extra -> its file in requirements/, where the name differs."""


def how_to_install(extra: str) -> str:
    """Say how to install an extra of this project, wherever the project itself is installed, for the end of a sentence.

    There is no command that is right in an environment of pip, pipx and uv alike, so it names none for those.
    """
    return (
        f"install review-sentiment[{extra}] the way you installed review-sentiment, or in a clone, run "
        f"`.venv/bin/python -m pip install -r requirements/{REQUIREMENTS.get(extra, extra)}.txt`"
    )


def require_modules(extra: str, *modules: str) -> None:
    """Check that modules can be imported, without importing them.

    Raises:
        PackageMissing: One is not installed.
    """
    if missing := [module for module in modules if find_spec(module) is None]:
        raise PackageMissing(f"this needs {' and '.join(missing)}; {how_to_install(extra)}")
