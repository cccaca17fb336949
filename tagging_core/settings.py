"""All settings, typed, from TAGLOOP_* variables; read once and passed in."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import available_timezones

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tagging_core.common.periods import machine_zone
from tagging_core.errors import SettingsError


class Settings(BaseSettings):
    """What an administrator may set; every field is the variable TAGLOOP_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="TAGLOOP_", frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="everything Tagloop writes")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty means SQLite below the data folder")
    chroma_url: str = Field(
        default="", description="server started by `chroma run`, http://HOST:PORT; empty: in the data folder"
    )
    queue_url: str = Field(
        default="",
        description="amqp:// or redis:// URL of the queue that `python -m tagging_core work` serves; empty: the "
        "console does it all",
    )
    assets_url: str = Field(
        default="", description="object store of the picture files, s3://BUCKET/PREFIX; empty: in the data folder"
    )
    encoder: str = Field(default="builtin", description="preset, folder or hub id of a new archive's model")
    devices: str = Field(
        default="", description="where models run, such as cuda:0,cuda:1; empty: all GPUs, or the CPU"
    )
    compile: bool = Field(default=False, description="have torch compile models, which is slow at first")
    writer: str = Field(default="", description="preset, folder or hub id of a Qwen2-VL that drafts descriptions")
    ingest_root: Path | None = Field(default=None, description="server folder that editors may ingest from")
    roles_file: Path | None = Field(default=None, description="TOML file that maps people to roles")
    ingest_threads: int = Field(
        default=0, ge=0, le=64, description="threads that read, decode and embed; 0: one a core, or six a GPU"
    )
    max_megapixels: float = Field(default=50.0, gt=0, le=170, description="pictures with more pixels are refused")
    time_zone: str = Field(default="", description="whose days the charts count; empty means this machine's")
    api_local: bool = Field(default=False, description="programs on this machine need no key; for a first try")
    api_rate: float = Field(default=50.0, gt=0, description="requests a second that one key may make for long")
    log_json: bool = Field(default=False, description="logs are lines of JSON, for a collector to read")
    webhook_targets: str = Field(default="", description="hosts, addresses and networks that webhooks may go to")
    blind_share: float = Field(default=0.03, ge=0, le=1, description="pictures shown without suggestions")
    known_share: float = Field(default=0.02, ge=0, le=1, description="finished pictures mixed in among new ones")
    second_share: float = Field(default=0.0, ge=0, le=1, description="pictures that take a second opinion")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name and name not in available_timezones():
            raise ValueError("it is no IANA time zone such as Europe/Berlin")
        return name

    @property
    def zone(self) -> str:
        """The IANA name of the zone whose days are counted."""
        return self.time_zone or machine_zone()

    @property
    def database(self) -> str:
        """The SQLAlchemy URL that is used."""
        return self.database_url or f"sqlite:///{self.data_dir / 'tagloop.db'}"

    @property
    def max_pixels(self) -> int:
        """The pixel limit of one picture."""
        return int(self.max_megapixels * 1_000_000)


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: A variable has a value that cannot be used; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "TAGLOOP_" + str(first["loc"][0]).upper()
        raise SettingsError(f"{name}={first['input']!r} cannot be used: {first['msg']}.") from error
