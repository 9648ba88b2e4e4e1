"""Settings of a process, read from the environment: one prefix, D365ACS_, and this file is the only reader."""

import base64
import getpass
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict

from config.sentences import in_plain_words

PREFIX = "D365ACS_"

#: The kernel keeps a socket's path in 108 bytes; macOS in 104, the last one a zero.
LONGEST_SOCKET_PATH = 103


def socket_path(home: Path) -> Path:
    """Where the server of a home folder listens."""
    return home / "redis.sock"


class BadSettings(Exception):
    """The environment holds settings that cannot be used; one sentence each, naming the variable, never its value."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def environment_variable(name: str) -> str | None:
    """One environment variable, for secrets that a configuration refers to by name."""
    return os.environ.get(name)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return f"uid {os.getuid()}"


def _login_and_host() -> str:
    return f"{_login_name()}@{socket.gethostname()}"


def instance_name(name: str) -> str:
    """Returns a name that an instance may have; raises ValueError for any other."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise ValueError(
            "must be made of lower-case letters, digits and hyphens, 63 at most, and must not begin with a hyphen"
        )
    return name


def redis_address(url: str) -> str:
    """Returns an address that Redis may have; raises ValueError, which does not repeat it, for any other."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"redis", "rediss"} and bool(parts.netloc or parts.path)
        known = known or (parts.scheme == "unix" and parts.path.startswith("/"))
        asked = parse_qs(parts.query)
    except ValueError:  # its text repeats parts of the address, which may hold a password
        known = False
    if not known:
        raise ValueError("must be an address that begins with redis://, rediss:// or unix://")
    if not asked.keys().isdisjoint({"username", "password"}):
        raise ValueError("must have its user and its password before the host: redis://USER:PASSWORD@HOST")
    return url


class Settings(BaseSettings):
    """How this process runs. What flows is said in the workflow configuration instead.

    `Settings.read()` is the door: its errors name the variables.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    redis_url: str | None = Field(
        default=None,
        repr=False,
        description="Redis or Valkey to use: redis://, rediss:// (TLS) or unix://. "
        "Without it a server of its own runs in the home folder.",
    )
    home: Path = Field(
        default=Path("~/.local/state/d365acs"),
        validate_default=True,
        description="Folder for everything that is kept on this machine.",
    )
    instance: str = Field(
        default="production",
        description="Which instance is operated: stage, dev and production share nothing.",
    )
    payload_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Keys that encrypt queued records, separated by commas: 32 random bytes each, in base64. The first "
        "encrypts, all decrypt, so that a new key is put in front. Without a key records are queued as they are.",
    )
    payload_keys_file: Path | None = Field(
        default=None, description="A file that holds these keys instead, one a line, the newest first."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: for people on a terminal, JSON elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important messages that are logged."
    )
    tick_seconds: float = Field(
        default=1.0, ge=0.05, le=60, allow_inf_nan=False, description="How often each workflow is looked at."
    )
    slice_seconds: float = Field(
        default=10,
        ge=0.1,
        le=300,
        allow_inf_nan=False,
        description="How long one task works before it makes room for another.",
    )
    lease_seconds: float = Field(
        default=30,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="How long a writer holds its records; longer than a slice.",
    )
    batch_size: int = Field(default=200, ge=1, le=500, description="How many records a writer leases at once.")
    high_water: int = Field(default=100_000, ge=1, description="The backlog of one stream above which reading pauses.")
    read_page_size: int = Field(
        default=5000,
        ge=1,
        le=5000,
        description="How many rows are read at once (Dynamics gives 5,000 at most).",
    )
    concurrency: int = Field(
        default=4, ge=1, le=500, description="How many tasks a worker of the Procfile does at once, each in a process."
    )
    consent_concurrency: int = Field(
        default=3, ge=1, le=500, description="The same for the worker that has consent alone to look after."
    )
    schema_check_seconds: float = Field(
        default=300,
        ge=0.5,
        le=3600,
        allow_inf_nan=False,
        description="How often the live schemas are compared with those that a running workflow began with.",
    )
    actor: str = Field(
        default_factory=_login_name,
        min_length=1,
        max_length=200,
        description="Who operates, for the record of actions. Default: the login name.",
    )
    origin: str = Field(
        default_factory=_login_and_host,
        min_length=1,
        max_length=300,
        description="From where somebody operates on the command line, for the record of actions. Default: the login "
        "name and the name of the machine, such as anna@build7.",
    )

    @classmethod
    def read(cls, context: Mapping[str, object] | None = None, /, **given: object) -> Self:
        """The settings of this process; what is `given` wins over the environment, and that over the `context`.

        Raises BadSettings with a sentence for each that is wrong.
        """
        said = given.keys() | EnvSettingsSource(cls)().keys()
        below = {name: value for name, value in (context or {}).items() if name not in said}
        try:
            return cls(**below, **given)  # type: ignore[arg-type]  # pydantic judges them
        except ValidationError as invalid:
            raise BadSettings([_sentence(error) for error in invalid.errors()]) from None

    @property
    def socket(self) -> Path:
        """Where the server of the home folder listens."""
        return socket_path(self.home)

    @property
    def effective_redis_url(self) -> str:
        """The Redis to use: the configured one, or the server of the home folder over its unix socket."""
        url = self.redis_url or f"unix://{self.socket}"
        if not url.startswith("rediss:") or "ssl_cert_reqs=" in url:
            return url
        # Over TLS, Celery's transport looks at no certificate unless it is told to (kombu, Connection).
        return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_known(cls, url: str | None) -> str | None:
        return None if url is None else redis_address(url)

    @field_validator("instance")
    @classmethod
    def _instance_is_a_plain_name(cls, name: str) -> str:
        return instance_name(name)

    @field_validator("home")
    @classmethod
    def _home_is_absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _case_does_not_matter(cls, name: object) -> object:
        return name.lower() if isinstance(name, str) else name

    @field_validator("payload_keys", mode="before")
    @classmethod
    def _split_keys(cls, keys: object) -> object:
        return [key.strip() for key in keys.split(",") if key.strip()] if isinstance(keys, str) else keys

    @field_validator("payload_keys")
    @classmethod
    def _keys_are_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(keys, start=1):
            try:
                _key_bytes(key.get_secret_value())
            except ValueError:
                raise ValueError(
                    f"must hold keys of 32 random bytes in base64 (openssl rand -base64 32); number {number} is none"
                ) from None
        return keys

    def sealing_keys(self) -> list[bytes]:
        """The keys that encrypt queued records, the newest first; empty if they are queued as they are.

        Raises BadSettings if the file of keys cannot be used.
        """
        if self.payload_keys_file is None:
            return [_key_bytes(key.get_secret_value()) for key in self.payload_keys]
        variable = f"{PREFIX}PAYLOAD_KEYS_FILE"
        try:
            keys = [_key_bytes(line) for line in self.payload_keys_file.read_text().split()]
        except OSError as error:
            raise BadSettings([f"{variable} cannot be read: {error.strerror}."]) from None
        except ValueError:  # no base64, or no text at all
            raise BadSettings([f"{variable} must hold keys of 32 random bytes in base64, one a line."]) from None
        if not keys:
            raise BadSettings([f"{variable} holds no key."])
        return keys

    @model_validator(mode="after")
    def _numbers_agree(self) -> Self:
        if self.lease_seconds <= self.slice_seconds:
            raise ValueError(
                f"{PREFIX}LEASE_SECONDS ({self.lease_seconds:g}) must be longer than "
                f"{PREFIX}SLICE_SECONDS ({self.slice_seconds:g})"
            )
        if self.redis_url is None and len(os.fsencode(self.socket)) > LONGEST_SOCKET_PATH:
            raise ValueError(
                f"{PREFIX}HOME is too long a path for a socket in it: "
                f"at most {LONGEST_SOCKET_PATH - len('/redis.sock')} bytes"
            )
        return self


def _key_bytes(text: str) -> bytes:
    key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    if len(key) != 32:
        raise ValueError("a key is 32 bytes")
    return key


def _sentence(error: ErrorDetails) -> str:
    words = in_plain_words(error).removesuffix(".")
    return f"{PREFIX}{str(error['loc'][0]).upper()} {words}." if error["loc"] else f"{words}."
