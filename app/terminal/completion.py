"""What may come next on the command line, for shells that ask with argcomplete; docs/terminal.md says how."""

import argparse

import argcomplete


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process."""
    argcomplete.autocomplete(parser)
