"""The real service beside the commands, with the shipped bundle and LiteRT: both are quick."""

import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from app.__main__ import main
from app.inference.bundle import find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from tests.servers import ROOT
from tests.terminal.terminals import QUIET


@pytest.fixture(scope="package")
def litert() -> Classifier:
    return open_classifier(load_bundle(find_bundle(ROOT / "models/imdb")), "litert")


Called = Callable[..., subprocess.CompletedProcess[str]]
"""Arguments, and `stdin` -> what came of it."""


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """Runs `python -m app` within this process: for what has many cases, each of which would cost half a second."""
    for name in [name for name in os.environ if name.startswith("SENTIMENT_") or name in QUIET]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(ROOT)

    def call(*arguments: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        try:
            code: object = main([os.fsdecode(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        assert isinstance(code, int)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, out, err)

    return call
