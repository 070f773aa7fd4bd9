"""Runs `python -m training` in this process."""

from typer.testing import CliRunner, Result

from training.cli import app


def run(*arguments: object, code: int = 0) -> Result:
    """Run a command that should end with this exit code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def refused(*arguments: object) -> str:
    """The message of a command that ends with exit code 2."""
    return run(*arguments, code=2).stderr
