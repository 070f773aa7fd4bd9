"""`python -m app` and the console command `review-sentiment`: see `app.cli`."""

import signal


def main() -> None:
    """Run the command that the arguments name."""
    # SIGHUP waits until `serve` can handle it: even during the imports, it must not end the service.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})

    from app.cli import app

    app()


if __name__ == "__main__":  # worker processes import this module, too
    main()
