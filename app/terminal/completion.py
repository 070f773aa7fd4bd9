"""What may come next on the command line, for shells that ask with argcomplete; docs/terminal.md says how."""

import argparse
from contextlib import suppress


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process, if argcomplete is installed."""
    with suppress(ImportError):
        import argcomplete

        argcomplete.autocomplete(parser)
