"""`python -m app`: see `app.cli`."""

if __name__ == "__main__":  # worker processes import this module, too
    from app.cli import app

    app()
