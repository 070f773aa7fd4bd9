"""`python -m app` and the console command `review-sentiment`: see `app.commands.main`."""

import os
import sys


def main() -> None:
    """Run the command that the arguments name."""
    _occupy_standard_streams()
    try:
        from .commands.main import app
    except ModuleNotFoundError as error:
        if (error.name or __package__).partition(".")[0] == __package__:
            raise  # a fault of ours: nothing is missing that could be installed
        sys.exit(
            f"error: this Python, {sys.executable}, has no package {error.name}. In a clone, install the packages with "
            "`make setup`, and run `.venv/bin/python -m app`"
        )

    app()


def _occupy_standard_streams() -> None:
    """Open the standard streams that are closed: a file or socket must not get their numbers, and with them output.

    Writing results still fails; messages disappear.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)


if __name__ == "__main__":  # worker processes import this module, too
    main()
