"""How to install optional packages, where this program is installed."""

import sys
from pathlib import Path

CLONE = Path(__file__).parents[2]
"""The folder that contains `app`."""


def how_to_install(extra: str, *packages: str) -> str:
    """Return what installs packages: in a clone, in an environment of pipx or of a tool of uv, or elsewhere.

    Args:
        extra: The file in requirements/ that has the packages, without `.txt`.
        packages: Their names for installers.
    """
    if (CLONE / "requirements" / f"{extra}.txt").is_file():
        return f"`.venv/bin/python -m pip install -r requirements/{extra}.txt`"
    if "pipx" in Path(sys.prefix).parts:
        return f"`pipx inject review-sentiment {' '.join(packages)}`"
    if "uv" in Path(sys.prefix).parts:
        return f"uv's option `--with {','.join(packages)}`"
    return f"`pip install {' '.join(packages)}`"
