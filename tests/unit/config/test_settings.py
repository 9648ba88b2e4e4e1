"""Settings of a process: defaults that work, and errors that name the variable but not its value."""

import base64
import os
import socket
from pathlib import Path

import pytest

from config.settings import BadSettings, Settings


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("D365ACS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_without_any_variable_a_server_of_ones_own_is_used(tmp_path: Path) -> None:
    settings = Settings.read()
    assert settings.home == tmp_path / ".local/state/d365acs"
    assert settings.effective_redis_url == f"unix://{tmp_path}/.local/state/d365acs/redis.sock"
    assert (settings.instance, settings.batch_size, settings.payload_keys) == ("production", 200, ())
    assert settings.actor
    assert settings.origin == f"{settings.actor}@{socket.gethostname()}"


def test_variables_with_the_prefix_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two keys, of which the newer stands in front, and an address with a password
    keys = [base64.b64encode(os.urandom(32)).decode() for _ in range(2)]
    monkeypatch.setenv("D365ACS_PAYLOAD_KEYS", ", ".join(keys))
    monkeypatch.setenv("D365ACS_REDIS_URL", "rediss://:hunter2@redis.example.com:6380/0")
    monkeypatch.setenv("D365ACS_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("D365ACS_HOME", "~/elsewhere")
    monkeypatch.setenv("D365ACS_ACTOR", "")
    # When they are read
    settings = Settings.read()
    # Then they hold, an empty variable is like none, and no secret shows in print
    assert settings.sealing_keys() == [base64.b64decode(key) for key in keys]
    assert settings.effective_redis_url == "rediss://:hunter2@redis.example.com:6380/0?ssl_cert_reqs=required"
    assert settings.log_level == "debug"
    assert settings.home == Path.home() / "elsewhere"
    assert settings.actor
    assert "hunter2" not in repr(settings)
    assert keys[0] not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("BATCH_SIZE", "many", "D365ACS_BATCH_SIZE must be a whole number."),
        ("BATCH_SIZE", "501", "D365ACS_BATCH_SIZE must be at most 500."),
        ("HIGH_WATER", "0", "D365ACS_HIGH_WATER must be at least 1."),
        ("SCHEMA_CHECK_SECONDS", "0.4", "D365ACS_SCHEMA_CHECK_SECONDS must be at least 0.5."),
        ("TICK_SECONDS", "nan", "D365ACS_TICK_SECONDS must be a finite number."),
        ("LOG_LEVEL", "loud", "D365ACS_LOG_LEVEL must be 'debug', 'info', 'warning' or 'error'."),
        (
            "INSTANCE",
            "A B",
            "D365ACS_INSTANCE must be made of lower-case letters, digits and hyphens, 63 at most, "
            "and must not begin with a hyphen.",
        ),
        (
            "REDIS_URL",
            "http://:hunter2@x",
            "D365ACS_REDIS_URL must be an address that begins with redis://, rediss:// or unix://.",
        ),
        (
            "REDIS_URL",
            "redis://x/0?password=hunter2",
            "D365ACS_REDIS_URL must have its user and its password before the host: redis://USER:PASSWORD@HOST.",
        ),
        (
            "REDIS_URL",
            "unix://:hunter2",
            "D365ACS_REDIS_URL must be an address that begins with redis://, rediss:// or unix://.",
        ),
        (
            "REDIS_URL",
            "redis://hunter2℀x",
            "D365ACS_REDIS_URL must be an address that begins with redis://, rediss:// or unix://.",
        ),
        (
            "PAYLOAD_KEYS",
            "hunter2",
            "D365ACS_PAYLOAD_KEYS must hold keys of 32 random bytes in base64 (openssl rand -base64 32); "
            "number 1 is none.",
        ),
        (
            "SLICE_SECONDS",
            "60",
            "D365ACS_LEASE_SECONDS (30) must be longer than D365ACS_SLICE_SECONDS (60).",
        ),
        (
            "HOME",
            "/" + "x" * 100,
            "D365ACS_HOME is too long a path for a socket in it: at most 92 bytes.",
        ),
    ],
)
def test_a_bad_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(f"D365ACS_{name}", value)
    with pytest.raises(BadSettings) as caught:
        Settings.read()
    assert caught.value.sentences == [sentence]


def test_all_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D365ACS_BATCH_SIZE", "0")
    monkeypatch.setenv("D365ACS_LOG_FORMAT", "prose")
    with pytest.raises(BadSettings) as caught:
        Settings.read()
    assert len(caught.value.sentences) == 2


def test_keys_may_stand_in_a_file_that_is_read_when_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given a file with one key, in the URL-safe spelling
    file = tmp_path / "keys"
    monkeypatch.setenv("D365ACS_PAYLOAD_KEYS_FILE", str(file))
    settings = Settings.read()
    file.write_bytes(base64.urlsafe_b64encode(b"\xff" * 32) + b"\n")
    assert settings.sealing_keys() == [b"\xff" * 32]
    # When a newer one is put in front
    file.write_bytes(base64.b64encode(b"\xfe" * 32) + b"\n" + file.read_bytes())
    # Then both are there, the newer one first
    assert settings.sealing_keys() == [b"\xfe" * 32, b"\xff" * 32]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "D365ACS_PAYLOAD_KEYS_FILE cannot be read: No such file or directory."),
        (b"", "D365ACS_PAYLOAD_KEYS_FILE holds no key."),
        (b"hunter2", "D365ACS_PAYLOAD_KEYS_FILE must hold keys of 32 random bytes in base64, one a line."),
        (b"\xff" * 32, "D365ACS_PAYLOAD_KEYS_FILE must hold keys of 32 random bytes in base64, one a line."),
    ],
)
def test_a_file_of_keys_that_cannot_be_used_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "keys").write_bytes(content)
    monkeypatch.setenv("D365ACS_PAYLOAD_KEYS_FILE", str(tmp_path / "keys"))
    with pytest.raises(BadSettings) as caught:
        Settings.read().sealing_keys()
    assert caught.value.sentences == [sentence]
