"""Runs `python -m training` in this process."""

import re

from typer.testing import CliRunner, Result

from training.cli import app


def run(*arguments: object, code: int = 0) -> Result:
    """Run a command that should end with this exit code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def refused(*arguments: object) -> str:
    """The message of a command that ends with exit code 2, without the box around it and its line breaks."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", run(*arguments, code=2).stderr).split())
