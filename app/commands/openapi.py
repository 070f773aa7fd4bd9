"""The `openapi` command."""

import json

import typer

from .options import load_settings


def run() -> None:
    """Print the OpenAPI document.

    For example:

        python -m app openapi > openapi.json
        python -m app openapi | jq '.paths | keys'

    If the settings contain API keys, the document says that requests need one.
    """
    settings = load_settings()
    from ..main import create_app  # not above: neither `--help` nor a mistake waits for a web framework

    typer.echo(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False))
