"""Every setting and its default. All come from the environment; options of commands override some.

Besides these, libraries read their own variables: `OTEL_*` (docs/reference/service.md), `TF_*`.
"""

import os
import re
import stat
from collections.abc import Collection
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, SettingsConfigDict

RuntimeName = Literal["tensorflow", "numpy"]

PREFIX = "SENTIMENT_"
MIN_KEY_LENGTH = 16
"""Characters; shorter keys could be guessed."""
OTHERS = {"BUILD_NETWORK", "CERTIFICATES", "KEY", "NGINX", "PUBLISH", "PUBLISH_GRAFANA", "PUBLISH_PROMETHEUS"}
"""`SENTIMENT_` variables that the service does not read, but Compose files and the page's examples do."""
REMOVED = {
    "MAX_EXPLAINING": "remove it; an eighth of SENTIMENT_MAX_WAITING reviews may wait for their explanation",
    "MAX_EXPLANATION_ROWS": "remove it; SENTIMENT_MAX_EXPLAINED_LENGTH limits the reviews to explain",
}
"""Settings of earlier releases, and what to do about them."""
SIMILAR = 0.65
"""Similarity, by `difflib`, from which an unknown variable is a misspelt setting: KEYS is API_KEYS, TIMEOUT nothing."""
ADDRESS = re.compile(r"(tcp|udp|sctp)://")
SERVICE_LINK = re.compile(r"(.+_)?(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
"""What Kubernetes calls the variables of a Service named `sentiment` or `sentiment-…`, besides `…_PORT`."""


PACKAGED_MODELS = Path(__file__).parent / "models/imdb"
"""The folder of bundles that is installed with the package."""


def default_model_dir() -> Path:
    """`models/imdb` in the current folder, or what is installed with the package."""
    own = Path("models/imdb")
    return own if os.path.isdir(own) else PACKAGED_MODELS  # also if this user may not look


def default_runtime() -> RuntimeName:
    """TensorFlow where it is installed, NumPy elsewhere."""
    return "tensorflow" if find_spec("tensorflow") else "numpy"


class Settings(BaseSettings):
    """The service's settings; `SENTIMENT_PORT` sets `port`, and so on.

    The docstring of a setting is its description in `--help` and the documentation.

    Raises:
        pydantic.ValidationError: A variable has an invalid value, or its name is a misspelt setting.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for all interfaces."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """TCP port; 0 picks a free one."""
    http: Literal["httptools", "h11"] = "httptools"
    """uvicorn's HTTP parser: `httptools`, which wraps the one of Node.js, or `h11`, which is written in Python and
    slower.
    """
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Server processes. Each loads its own copy of the model and uses about one core."""
    model_dir: Path = Field(default_factory=default_model_dir)
    """Folder of bundle versions; if unset, `models/imdb` in the current folder, or else the one that is installed with
    the package.
    """
    model_version: str | None = None
    """Bundle versions to serve, separated by commas, the default first; `all` for all of them, the highest first. If
    unset, only the highest.
    """
    runtime: RuntimeName = Field(default_factory=default_runtime)
    """Runtime that executes the network: `tensorflow` runs the SavedModel, `numpy` the same layers in less time and
    memory. If unset, the service uses `tensorflow` where it is installed, and other commands `numpy`.
    """

    max_reviews: PositiveInt = 128
    """Maximum reviews per request."""
    max_explained: PositiveInt = 8
    """Maximum reviews per request to explain."""
    max_characters: PositiveInt = 50_000
    """Maximum characters per review. The longest IMDB review has 13,704."""
    max_explained_length: PositiveInt = 15_000
    """Maximum characters per review to explain, which takes about 1 ms per 1,000."""
    max_body_bytes: PositiveInt = 2_000_000
    """Maximum bytes per request body, counted while it arrives."""
    max_waiting: PositiveInt = 1024
    """Maximum waiting reviews per worker; excess requests get 503 until the queue is half empty. Explanations have a
    queue of their own, for an eighth of this number.
    """
    limit_concurrency: PositiveInt | None = None
    """Maximum connections or requests per worker, health checks included; excess requests get 503 from uvicorn. If
    unset, there is no limit.
    """

    keep_alive: PositiveInt = 65
    """Timeout for idle connections, in seconds; longer than the usual 60 s of load balancers."""
    request_timeout: PositiveFloat = 20.0
    """Timeout for receiving a request body, in seconds; then the response is 408."""
    deadline: PositiveFloat = 10.0
    """Maximum seconds in the queue, or for explanations in total; then the response is 504."""
    drain: NonNegativeFloat = 5.0
    """Drain period after SIGTERM, in seconds: `/health/ready` returns 503 so that load balancers notice, but requests
    are still answered. SIGINT skips it.
    """
    shutdown_timeout: PositiveInt = 30
    """Timeout for finishing accepted requests after the drain period, in seconds."""

    docs: bool = True
    """Whether to serve `/docs` and `/openapi.json`."""
    playground: bool = True
    """Whether to serve the playground, a page at `/` for trying the model."""
    metrics_port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """Separate port for `/metrics`, without API keys; if unset, it is on the service's port."""
    api_keys: SecretStr | None = None
    """API keys, separated by commas. If any are set, every request needs `Authorization: Bearer <key>`, except for
    health checks (`/health/…`, `/v2`, `/v2/health/…`), the playground (`/`, `/playground/…`) and the API documentation
    (`/docs`, `/openapi.json`, `/problems/…`). Configure two keys to rotate them without downtime.
    """
    api_keys_file: Path | None = None
    """File with more API keys, one per line, or comments (`# …`); read at startup and on SIGHUP."""
    cors_origins: str | None = None
    """Allowed CORS origins, separated by commas; unset disables CORS."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted; `*` for
    all.
    """

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Minimum level of log lines."""
    log_format: Literal["json", "console"] | None = None
    """`json` or `console`; if unset, JSON, or coloured text on a terminal."""

    _keys: tuple[str, ...] = PrivateAttr(())

    @field_validator("port", "metrics_port", mode="before")
    @classmethod
    def _is_no_service_link(cls, value: object) -> object:
        if isinstance(value, str) and ADDRESS.match(value):
            raise ValueError(
                f"{value!r} is an address that Kubernetes sets for a Service of this name. Add `enableServiceLinks: "
                "false` to the pod, or set the variable to a port"
            )
        return value

    @field_validator("runtime", mode="before")
    @classmethod
    def _is_not_litert(cls, value: object) -> object:
        if value == "litert":
            raise ValueError("the runtime `litert` has been replaced; use `numpy`")
        return value

    @model_validator(mode="after")
    def _no_setting_is_misspelt(self) -> Self:
        settings = [name.upper() for name in type(self).model_fields]
        for variable in unknown_variables():
            name = variable.upper().removeprefix(PREFIX)
            if advice := REMOVED.get(name):
                raise ValueError(f"{variable} is no longer a setting: {advice}")
            if similar := get_close_matches(name, settings, n=1, cutoff=SIMILAR):
                raise ValueError(f"{variable} is not a setting; did you mean {PREFIX}{similar[0]}?")
        return self

    @model_validator(mode="after")
    def _queue_fits_the_largest_request(self) -> Self:
        if self.max_waiting < self.max_reviews:
            raise ValueError(
                f"{PREFIX}MAX_WAITING ({self.max_waiting}) must be at least {PREFIX}MAX_REVIEWS ({self.max_reviews}), "
                "or the largest requests would always be rejected"
            )
        return self

    @model_validator(mode="after")
    def _keys_are_valid(self) -> Self:
        self._keys = self._read_keys()
        if (self.api_keys or self.api_keys_file) and not self._keys:
            raise ValueError(
                f"{PREFIX}API_KEYS and {PREFIX}API_KEYS_FILE contain no key, which would leave the service open"
            )
        if any(key != key.strip("\"'") for key in self._keys):
            raise ValueError(f"a key in {PREFIX}API_KEYS or {PREFIX}API_KEYS_FILE is in quotes; remove the quotes")
        if any(len(key) < MIN_KEY_LENGTH or not (key.isascii() and key.isprintable()) for key in self._keys):
            raise ValueError(
                f"a key in {PREFIX}API_KEYS or {PREFIX}API_KEYS_FILE is shorter than {MIN_KEY_LENGTH} characters or "
                "not printable ASCII; `openssl rand -hex 24` generates one"
            )
        return self

    @property
    def command_runtime(self) -> RuntimeName:
        """The runtime of commands that score and exit: NumPy, which starts faster, unless one is chosen."""
        return self.runtime if "runtime" in self.model_fields_set else "numpy"

    @property
    def all_keys(self) -> tuple[str, ...]:
        """The keys from both settings, as they were when the settings were read."""
        return self._keys

    def _read_keys(self) -> tuple[str, ...]:
        keys = self.api_keys.get_secret_value().split(",") if self.api_keys else []
        if self.api_keys_file is not None:
            try:
                if not stat.S_ISREG(self.api_keys_file.stat().st_mode):  # a named pipe would block
                    raise ValueError(f"{PREFIX}API_KEYS_FILE is not a regular file; write the keys to one")
                lines = self.api_keys_file.read_text("utf-8-sig", "replace").splitlines()
            except OSError as error:
                raise ValueError(f"{PREFIX}API_KEYS_FILE cannot be read ({error.strerror})") from error
            keys += [line for line in lines if not line.lstrip().startswith("#")]
        return tuple(stripped for key in keys if (stripped := key.strip()))


def unknown_variables() -> list[str]:
    """List the `SENTIMENT_` variables that nothing in this project reads, and that do not come from Kubernetes."""
    known = OTHERS | {name.upper() for name in Settings.model_fields}
    return sorted(
        variable
        for variable, value in os.environ.items()
        if value
        and variable.upper().startswith(PREFIX)
        and (name := variable.upper().removeprefix(PREFIX)) not in known
        and not SERVICE_LINK.fullmatch(name)
        and not (name.endswith("PORT") and ADDRESS.match(value))
    )


def description_of(name: str) -> str:
    """A setting's description, on one line."""
    return " ".join(str(Settings.model_fields[name].description).split())


def default_of(name: str) -> str | None:
    """A setting's default for people; None if it has no fixed one."""
    default = Settings.model_fields[name].default
    return None if default in (None, PydanticUndefined) else str(default)


def error_messages(error: ValidationError, options: Collection[str] = ()) -> list[str]:
    """One line per invalid setting: its name and the reason.

    Args:
        error: Of creating `Settings`.
        options: The settings that come from options of a command, not from variables.
    """
    messages = []
    for item in error.errors():
        names = [str(part) for part in item["loc"][:1]]
        shown = [f"--{name.replace('_', '-')}" if name in options else PREFIX + name.upper() for name in names]
        messages.append("".join(f"{name}: " for name in shown) + item["msg"].removeprefix("Value error, "))
    return messages
