"""Every setting, its default and the reason for it. All come from the environment; nothing else changes behaviour."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SENTIMENT_"


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
    max_characters: Annotated[
        int, Field(ge=1, description="Characters a review. The longest of the 50,000 IMDB reviews has 13,704.")
    ] = 50_000
    max_body_bytes: Annotated[int, Field(ge=1, description="Bytes a request body, counted while it arrives.")] = (
        2_000_000
    )
    max_waiting: Annotated[
        int,
        Field(ge=1, description="Reviews waiting in one worker; beyond it requests are answered 503 at once."),
    ] = 1024

    keep_alive: Annotated[
        int,
        Field(ge=1, description="Seconds an idle connection stays open; longer than the 60 s of usual balancers."),
    ] = 65
    drain: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds after SIGTERM in which `/health/ready` says 503 but requests are still answered, "
            "so that balancers notice.",
        ),
    ] = 0.0
    shutdown_timeout: Annotated[
        int, Field(ge=1, description="Seconds that accepted requests get to finish after that.")
    ] = 30
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
