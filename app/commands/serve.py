"""The `serve` command."""

import typer

from ..process.hangup import HangUp
from . import options as opt
from .messages import print_error

EPILOG = opt.settings_table()


def run(
    host: opt.Host = None,
    port: opt.Port = None,
    workers: opt.Workers = None,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersions = None,
) -> None:
    """Serve over HTTP.

    For example:

        python -m app serve --port 9000 --runtime numpy
        python -m app serve --host 0.0.0.0 --workers 4
        python -m app serve --model-version 3 --model-version 1
        SENTIMENT_API_KEYS_FILE=keys.txt python -m app serve

    Exit codes: 0 after a signal, 1 if the bundle cannot be served, 2 if an option or a setting is invalid, 3 if
    the address cannot be used.
    """
    hang_up = HangUp()  # first: SIGHUP must not end the service while the rest is imported
    settings = opt.load_settings(
        host=host, port=port, workers=workers, runtime=runtime, model_dir=model_dir, model_version=model_version
    )
    from ..process.listener import AddressUnavailable  # not above: neither `--help` nor a mistake waits for these
    from ..process.serving import serve

    try:
        code = serve(settings, hang_up)
    except AddressUnavailable as error:
        print_error(error)
        code = 3
    raise typer.Exit(code)
