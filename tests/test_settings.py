"""Settings from the environment, and variables that are none."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import PREFIX, REMOVED, Settings, unknown_variables
from tests.servers import ROOT


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in unknown_variables():
        monkeypatch.delenv(name)


ADDRESS = "tcp://10.0.0.1:80"
"""What Kubernetes sets for a Service."""


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("API_KEY", "x", "did you mean SENTIMENT_API_KEYS[?]"),
        ("KEYS", "x", "did you mean SENTIMENT_API_KEYS[?]"),
        ("api_key_file", "x", "did you mean SENTIMENT_API_KEYS_FILE[?]"),
        ("MODEL_VERSIONS", "x", "did you mean SENTIMENT_MODEL_VERSION[?]"),
        *((variable, "10", "is no longer a setting: remove it") for variable in REMOVED),
        ("PORT", ADDRESS, "enableServiceLinks: false"),
        ("METRICS_PORT", ADDRESS, "enableServiceLinks: false"),
    ],
)
def test_invalid_variable_says_what_to_change(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(PREFIX + variable, value)
    with pytest.raises(ValidationError, match=message):
        Settings()


def test_other_unknown_variable_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_FLAVOUR", "mild")
    monkeypatch.setenv("SENTIMENT_COLOUR", "")  # as unset
    Settings()
    assert unknown_variables() == ["SENTIMENT_FLAVOUR"]


def test_variables_of_a_kubernetes_service_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kubelet sets them for Services named `sentiment-canary` and `sentiment`, except for `SENTIMENT_PORT`."""
    for service in ("SENTIMENT", "SENTIMENT_CANARY"):
        port = f"{service}_PORT_80_TCP"
        monkeypatch.setenv(f"{service}_SERVICE_HOST", "10.0.0.1")
        for name in ("SERVICE_PORT", "SERVICE_PORT_HTTP"):
            monkeypatch.setenv(f"{service}_{name}", "80")
        for name, value in (("", ADDRESS), ("_PROTO", "tcp"), ("_PORT", "80"), ("_ADDR", "10.0.0.1")):
            monkeypatch.setenv(port + name, value)
    monkeypatch.setenv("SENTIMENT_CANARY_PORT", ADDRESS)
    Settings()
    assert unknown_variables() == []


def test_variables_of_other_parts_of_the_project_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set(variables_elsewhere())
    assert {"SENTIMENT_KEY", "SENTIMENT_PUBLISH"} <= found
    for variable in found - {PREFIX + name.upper() for name in Settings.model_fields}:
        monkeypatch.setenv(variable, "1")
    assert unknown_variables() == []


def test_model_folder_that_cannot_be_looked_for_is_not_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder of another user; a name that is too long is an error for every user."""
    monkeypatch.chdir(tmp_path)
    Path("models").symlink_to("x" * 300)
    assert Settings().model_dir.is_absolute()


OLD, NEW = "the-old-key-0123456789", "the-new-key-0123456789"


def test_key_file_may_have_comments_and_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"\ufeff# of the shop, until May\r\n\n{OLD}\r\n  # of the blog \n {NEW} \n", "utf-8")
    assert Settings(api_keys_file=file).all_keys == (OLD, NEW)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# a comment is no key\n", "contain no key"),
        (f'"{OLD}"\n'.encode(), "remove the quotes"),
        (f"{OLD}\n'{NEW}'\n".encode(), "remove the quotes"),
        (f"{OLD}\xe9".encode("latin-1"), "not printable ASCII"),
    ],
)
def test_key_file_with_an_invalid_key_says_what_to_change(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(ValidationError, match=message):
        Settings(api_keys_file=file)


def variables_elsewhere() -> Iterator[str]:
    files = [ROOT / "docker-compose.yml", ROOT / "Dockerfile", ROOT / "Makefile", *(ROOT / "deploy").rglob("*.y*ml")]
    for path in [*files, *(ROOT / "app/pages").rglob("*.js")]:
        yield from re.findall(rf"\b{PREFIX}[A-Z_]+\b", path.read_text())
