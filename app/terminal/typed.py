"""How the user runs this program, for help and messages that show a command."""

import sys
from pathlib import Path

MODULE = "python -m app"
SCRIPT = "review-sentiment"
"""The console command; see pyproject.toml."""


def typed_command() -> str:
    """The command as the user typed it: `review-sentiment` or `python -m app`."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else MODULE
