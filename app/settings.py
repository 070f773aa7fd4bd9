"""Every setting, its default and the reason for it. All come from the environment.

Beside these, libraries read variables of their own: `OTEL_*` (docs/operations.md), `TF_*`.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, FilePath, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SENTIMENT_"
SHORTEST_KEY = 16
"""Characters; shorter ones could be guessed."""


class Settings(BaseSettings):
    """The service's settings; `SENTIMENT_PORT` sets `port`, and so on.

    Raises:
        pydantic.ValidationError: A variable holds something that its setting cannot be.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    host: Annotated[str, Field(description="Address to listen on; `0.0.0.0` for every interface.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="TCP port; 0 takes a free one.")] = 8000
    workers: Annotated[
        int,
        Field(ge=1, le=64, description="Server processes. Each loads the model for itself; one uses about one core."),
    ] = 1
    model_dir: Annotated[Path, Field(description="Folder of bundle versions.")] = Path("models/imdb")
    model_version: Annotated[
        str | None, Field(description="Which version of the bundle to serve; the newest when unset.")
    ] = None
    runtime: Annotated[
        Literal["tensorflow", "litert"],
        Field(description="What executes the network; `litert` starts faster and needs less memory."),
    ] = "tensorflow"

    max_reviews: Annotated[int, Field(ge=1, description="Reviews a request.")] = 128
    max_explained: Annotated[
        int,
        Field(
            ge=1,
            description="Reviews a request to explain; each takes a row of the network for each distinct known term.",
        ),
    ] = 8
    max_characters: Annotated[
        int, Field(ge=1, description="Characters a review. The longest of the 50,000 IMDB reviews has 13,704.")
    ] = 50_000
    max_body_bytes: Annotated[int, Field(ge=1, description="Bytes a request body, counted while it arrives.")] = (
        2_000_000
    )
    max_waiting: Annotated[
        int,
        Field(
            ge=1,
            description="Reviews waiting in one worker; beyond it requests get 503 at once, until half are done.",
        ),
    ] = 1024

    keep_alive: Annotated[
        int,
        Field(ge=1, description="Seconds an idle connection stays open; longer than the 60 s of usual balancers."),
    ] = 65
    request_timeout: Annotated[
        float,
        Field(
            gt=0,
            description="Seconds in which a request has to arrive whole, and a response to be taken; then the "
            "connection is closed.",
        ),
    ] = 20.0
    deadline: Annotated[
        float,
        Field(gt=0, description="Seconds that reviews may wait for the model; then the answer is 504."),
    ] = 10.0
    drain: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds after SIGTERM in which `/health/ready` says 503 but requests are still answered, "
            "so that balancers notice. SIGINT skips them.",
        ),
    ] = 5.0
    shutdown_timeout: Annotated[
        int, Field(ge=1, description="Seconds that accepted requests get to finish after that.")
    ] = 30
    docs: Annotated[bool, Field(description="Whether `/docs`, `/redoc` and `/openapi.json` are there.")] = True
    playground: Annotated[
        bool,
        Field(
            description="Whether the page to try the model on is there, for browsers at `/` and below `/playground`."
        ),
    ] = True
    metrics_port: Annotated[
        int | None,
        Field(
            ge=1,
            le=65535,
            description="A port of its own for `/metrics`, without keys; unset, it is on the service's port.",
        ),
    ] = None
    api_keys: Annotated[
        SecretStr | None,
        Field(
            description="Keys, separated by commas; with any, `/predict`, `/explain`, `/model`, `/metrics`, "
            "`/v1/models` and `/v2/models` want `Authorization: Bearer <key>`. Two at once allow to replace one by the "
            "other.",
        ),
    ] = None
    api_keys_file: Annotated[
        FilePath | None, Field(description="A file with more keys, one a line; read once, at the start.")
    ] = None
    cors_origins: Annotated[
        str | None,
        Field(description="Origins, separated by commas, whose pages in browsers may ask; unset, none may."),
    ] = None
    trusted_proxies: Annotated[
        str,
        Field(
            description="Addresses or networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` "
            "are believed; `*` for any.",
        ),
    ] = "127.0.0.1"

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The least important lines to log.")
    ] = "info"
    log_format: Annotated[
        Literal["json", "console"] | None,
        Field(description="`json` for machines, `console` for people; unset, it depends on whether a person watches."),
    ] = None

    @model_validator(mode="after")
    def _a_full_request_can_wait(self) -> Self:
        if self.max_waiting < self.max_reviews:
            raise ValueError(
                f"{PREFIX}MAX_WAITING ({self.max_waiting}) must be at least {PREFIX}MAX_REVIEWS ({self.max_reviews}), "
                "or full requests would always be refused"
            )
        return self

    @model_validator(mode="after")
    def _keys_are_keys(self) -> Self:
        if (self.api_keys or self.api_keys_file) and not self.all_keys:
            raise ValueError(
                f"{PREFIX}API_KEYS and {PREFIX}API_KEYS_FILE hold no key, and would leave the service open"
            )
        if any(len(key) < SHORTEST_KEY or not (key.isascii() and key.isprintable()) for key in self.all_keys):
            raise ValueError(
                f"a key in {PREFIX}API_KEYS or {PREFIX}API_KEYS_FILE is shorter than {SHORTEST_KEY} characters, or not "
                "printable ASCII; `openssl rand -hex 24` makes one"
            )
        return self

    @cached_property
    def all_keys(self) -> tuple[str, ...]:
        """The keys of both settings."""
        keys = self.api_keys.get_secret_value().split(",") if self.api_keys else []
        if self.api_keys_file is not None:
            try:
                keys += self.api_keys_file.read_text().splitlines()
            except OSError as error:
                raise ValueError(f"{PREFIX}API_KEYS_FILE cannot be read ({error.strerror})") from error
        return tuple(stripped for key in keys if (stripped := key.strip()))


def faults_in(error: ValidationError) -> list[str]:
    """What is wrong with which settings, a line each."""
    faults = []
    for fault in error.errors():
        setting = "".join(f"{PREFIX}{str(part).upper()}: " for part in fault["loc"][:1])
        faults.append(setting + fault["msg"].removeprefix("Value error, "))
    return faults
