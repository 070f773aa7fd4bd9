"""The `openapi` command."""

import json

import typer

from app.commands.options import load_settings


def run() -> None:
    """Print the OpenAPI document.

    For example:

        python -m app openapi > openapi.json
        SENTIMENT_MAX_REVIEWS=32 python -m app openapi | jq .components.schemas.PredictRequest
    """
    settings = load_settings()
    from app.main import create_app  # not above: neither `--help` nor a mistake waits for a web framework

    typer.echo(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False))
