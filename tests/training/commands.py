"""Runs `python -m training` in this process."""

from typer.testing import CliRunner, Result

from training.cli import app


def run(*arguments: object, code: int = 0) -> Result:
    """Run a command that should end with this exit code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result
