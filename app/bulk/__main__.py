"""`python -m app.bulk`: an alias of `python -m app bulk`."""

import sys

if __name__ == "__main__":  # worker processes import this module, too
    from app.cli import app

    app(["bulk", *sys.argv[1:]])
