"""Typed settings from TAGLOOP_* environment variables, read once at start and passed down."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from zoneinfo import available_timezones

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tagging_core.common.periods import machine_zone
from tagging_core.errors import SettingsError

_HOST_NAME = re.compile(r"[\w.-]+|[0-9a-f:]+", re.IGNORECASE)
PRIVATE = 0o077
"""The umask of processes that only run Tagloop: pictures and decisions are for its own user of the machine."""


class Settings(BaseSettings):
    """An installation's settings; each field is read from the environment variable TAGLOOP_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="TAGLOOP_", frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="folder for all files that Tagloop writes")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the data folder")
    chroma_url: str = Field(
        default="", description="Chroma server, http://HOST:PORT; empty: embedded, in the data folder"
    )
    queue_url: str = Field(
        default="",
        description="amqp:// or redis:// URL of the job queue for `python -m tagging_core work`; empty: the "
        "console processes jobs itself",
    )
    assets_url: str = Field(
        default="", description="object store for picture files, s3://BUCKET/PREFIX; empty: the data folder"
    )
    encoder: str = Field(default="builtin", description="preset, local folder or hub id of a new archive's model")
    devices: str = Field(
        default="", description="comma-separated torch devices, such as cuda:0,cuda:1; empty: all GPUs, or the CPU"
    )
    compile: bool = Field(default=False, description="compile models with torch.compile; slow on first use")
    writer: str = Field(default="", description="preset, folder or hub id of a Qwen2-VL that drafts captions")
    ingest_root: Path | None = Field(default=None, description="server folder that editors may ingest from")
    roles_file: Path | None = Field(default=None, description="TOML file that maps people to roles")
    ingest_threads: int = Field(
        default=0, ge=0, le=64, description="threads that read, decode and embed; 0: one per core, or six per GPU"
    )
    max_megapixels: float = Field(default=50.0, gt=0, le=170, description="larger pictures are rejected")
    time_zone: str = Field(default="", description="IANA zone that defines a day in charts; empty: this machine's")
    session_idle_hours: float = Field(default=4.0, gt=0, description="hours without an act that end a session")
    session_hours: float = Field(default=24.0, gt=0, description="hours after sign-in that end a session")
    hosts: str = Field(
        default="", description="comma-separated host names that people and programs reach Tagloop by"
    )
    proxies: str = Field(default="", description="comma-separated addresses and networks of reverse proxies")
    api_local: bool = Field(default=False, description="local API clients need no key; for evaluation only")
    api_rate: float = Field(default=50.0, gt=0, description="sustained requests per second allowed per API key")
    log_json: bool = Field(default=False, description="write logs as JSON lines, for a log collector")
    webhook_targets: str = Field(
        default="", description="comma-separated hosts, IP addresses and networks that webhooks may call"
    )
    blind_share: float = Field(default=0.03, ge=0, le=1, description="share of pictures shown without suggestions")
    known_share: float = Field(default=0.02, ge=0, le=1, description="share of finished pictures shown again")
    second_share: float = Field(default=0.0, ge=0, le=1, description="share of pictures that need a second opinion")

    @field_validator("time_zone")
    @classmethod
    def _require_known_zone(cls, name: str) -> str:
        if name and name not in available_timezones():
            raise ValueError("expected an IANA time zone such as Europe/Berlin")
        return name

    @field_validator("hosts")
    @classmethod
    def _require_host_names(cls, value: str) -> str:
        for name in _listed(value):
            if not _HOST_NAME.fullmatch(name):
                raise ValueError("expected names such as tags.example.com, without http:// and port")
        return value

    @field_validator("proxies")
    @classmethod
    def _require_networks(cls, value: str) -> str:
        for network in _listed(value):
            ip_network(network)  # raises, naming what it was given
        return value

    @property
    def host_names(self) -> frozenset[str]:
        """The names of `hosts` in lower case."""
        return frozenset(_listed(self.hosts.lower()))

    @property
    def proxy_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks of `proxies`; an address is a network of one."""
        return [ip_network(network) for network in _listed(self.proxies)]

    @property
    def zone(self) -> str:
        """IANA name of the time zone that defines a day in charts."""
        return self.time_zone or machine_zone()

    @property
    def database(self) -> str:
        """SQLAlchemy URL in effect: `database_url`, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'tagloop.db'}"

    @property
    def max_pixels(self) -> int:
        """Maximum number of pixels of a picture."""
        return int(self.max_megapixels * 1_000_000)


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: A variable has an invalid value; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "TAGLOOP_" + str(first["loc"][0]).upper()
        raise SettingsError(f"{name}={first['input']!r} is invalid: {first['msg']}.") from error
