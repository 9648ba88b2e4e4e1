"""SFTP against a server of another make: listing, reading ahead, keys, and connections that break."""

import gc
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa
from structlog.testing import capture_logs

from connectors.errors import (
    AccessDenied,
    ConnectorError,
    CredentialsRefused,
    NotFound,
    Stop,
    Unavailable,
    Unreachable,
)
from connectors.sftp import RemoteFile, RemoteReading, Sftp
from connectors.sftp_reading import AHEAD, CHUNK
from tests.integration.connectors.sftp_server import OddSftp

Connect = Callable[..., Sftp]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OddSftp]:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    with OddSftp(home) as server:
        yield server


@pytest.fixture
def connect(server: OddSftp) -> Iterator[Connect]:
    made: list[Sftp] = []

    def connect(**given: object) -> Sftp:
        made.append(Sftp(server.connection(**given)))
        return made[-1]

    yield connect
    for sftp in made:
        sftp.close()


def content_of(reading: RemoteReading) -> bytes:
    return b"".join(iter(lambda: reading.read(5), b""))


# Files


def test_a_folder_is_listed_with_sizes_and_times_and_without_what_is_no_file(server: OddSftp, connect: Connect) -> None:
    # Given two files, a folder and a link
    for name, size in (("a.txt", 3), ("b.txt", 0)):
        (server.home / "logs" / name).write_bytes(b"x" * size)
        os.utime(server.home / "logs" / name, (1_777_000_000, 1_777_000_000))
    (server.home / "logs" / "done").mkdir()
    (server.home / "logs" / "c.txt").symlink_to("a.txt")
    # Then the two are listed, in any order
    assert sorted(connect().files("logs", 5)) == [
        RemoteFile("a.txt", 3, 1_777_000_000),
        RemoteFile("b.txt", 0, 1_777_000_000),
    ]


def test_a_folder_that_is_not_there_stops_the_workflow_and_is_named(connect: Connect) -> None:
    with pytest.raises(Stop, match="has no folder d365_loads/exports: create it there"):
        connect().files("d365_loads/exports", 5)


def test_a_name_that_is_not_utf_8_is_left_out_and_told_once(server: OddSftp, connect: Connect) -> None:
    # Given a name in Latin-1, beside a good one
    with open(os.fsencode(server.home / "logs") + b"/caf\xe9.txt", "wb"):
        pass
    (server.home / "logs" / "café.txt").touch()
    sftp = connect()
    # When the folder is listed again and again
    with capture_logs() as logs:
        names = [[file.name for file in sftp.files("logs", 5)] for _ in range(3)]
    # Then the good one is there each time, and the other was told once
    assert names == [["café.txt"]] * 3
    assert [log["file"] for log in logs] == ["caf\\xe9.txt"]


def test_a_long_folder_is_listed_whole(server: OddSftp, connect: Connect) -> None:
    for number in range(1_000):
        (server.home / "logs" / f"{number}.txt").touch()
    assert {file.name for file in connect().files("logs", 5)} == {f"{number}.txt" for number in range(1_000)}


def test_paramiko_is_imported_by_those_alone_who_connect() -> None:
    program = "import sys, cli.main, sync.egress; print([name for name in sys.modules if name.startswith('paramiko')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("most", [CHUNK, 1_000_000, 5_000])
def test_a_file_is_read_from_any_place_on_whatever_a_server_gives_at_once(
    server: OddSftp, connect: Connect, most: int
) -> None:
    content = os.urandom(300_000)
    (server.home / "logs" / "a.txt").write_bytes(content)
    server.most = most
    sftp = connect()
    for offset in (0, 1, 131_072, 299_999, 300_000):
        reading = sftp.open("logs/a.txt", offset, 5)
        assert content_of(reading) == content[offset:]
        assert reading.is_unchanged(5)
        reading.close()


def test_reading_ahead_is_bounded_however_long_a_file_is(server: OddSftp, connect: Connect) -> None:
    # Given a file of many times what is read ahead
    (server.home / "logs" / "a.txt").write_bytes(bytes(CHUNK * AHEAD * 4))
    reading = connect().open("logs/a.txt", 0, 5)
    # When it is read to its middle
    for taken in range(1, AHEAD * 2):
        assert len(reading.read(5)) == CHUNK
        # Then no more was ever asked for than is read ahead
        assert server.operations.count("read") <= taken + AHEAD
        assert len(reading._ahead._answers) <= AHEAD
    # And other calls are answered in between
    assert reading.is_unchanged(5)
    reading.close()


def test_a_file_that_has_become_shorter_ends_and_is_told_apart(server: OddSftp, connect: Connect) -> None:
    path = server.home / "logs" / "a.txt"
    path.write_bytes(bytes(CHUNK * 3))
    reading = connect().open("logs/a.txt", 0, 5)
    path.write_bytes(b"short")
    assert len(content_of(reading)) < CHUNK * 3
    assert not reading.is_unchanged(5)
    reading.close()


def test_a_file_that_is_forgotten_is_closed_with_the_next_call_and_never_by_the_garbage_collector(
    server: OddSftp, connect: Connect
) -> None:
    (server.home / "logs" / "a.txt").write_bytes(b"x")
    sftp = connect()

    def refuse(name: str, path: str) -> None:
        if name == "fstat":
            raise asyncssh.SFTPFailure("no")

    # Given a file that could not be looked at once it was open, and one that somebody opened and lost
    server.before = refuse
    with pytest.raises(Unavailable):
        sftp.open("logs/a.txt", 0, 5)
    server.before = lambda name, path: None
    lost: list[object] = [sftp.open("logs/a.txt", 0, 5)]
    lost.append(lost)
    assert server.operations.count("close") == 1
    # When its memory is freed while paramiko holds its lock, as may happen at any moment
    del lost
    assert sftp._client is not None
    with sftp._client._lock:  # type: ignore[attr-defined]
        gc.collect()
    # Then the next call closes it
    sftp.files("logs", 5)
    assert server.operations.count("close") == 2


def test_files_are_moved_and_removed_and_folders_made(server: OddSftp, connect: Connect) -> None:
    (server.home / "logs" / "a.txt").write_text("a")
    sftp = connect()
    sftp.make_folder("done/2026/11", 5)
    sftp.make_folder("done/2026/11", 5)
    sftp.move("logs/a.txt", "done/2026/11/a.txt", 5)
    assert sftp.file("logs/a.txt", 5) is None
    assert sftp.file("done/2026/11/a.txt", 5) == sftp.files("done/2026/11", 5)[0]
    sftp.remove("done/2026/11/a.txt", 5)
    assert sftp.files("done/2026/11", 5) == []
    for call in (sftp.remove, lambda path, timeout: sftp.open(path, 0, timeout)):
        with pytest.raises(NotFound):
            call("logs/a.txt", 5)
    with pytest.raises(NotFound):
        sftp.move("logs/a.txt", "done/a.txt", 5)


def test_what_the_server_does_not_allow_and_what_fails_are_different_errors(server: OddSftp, connect: Connect) -> None:
    (server.home / "logs" / "a.txt").write_text("a")
    sftp = connect()

    def refuse(name: str, path: str) -> None:
        if name == "remove":
            raise asyncssh.SFTPPermissionDenied("no")
        if name == "rename":
            raise asyncssh.SFTPFailure("no")

    server.before = refuse
    with pytest.raises(AccessDenied, match=r"removing logs/a\.txt: the server does not let the user d365acs"):
        sftp.remove("logs/a.txt", 5)
    with pytest.raises(Unavailable, match="it will be tried again"):
        sftp.move("logs/a.txt", "logs/b.txt", 5)
    # And the connection is as good as before
    assert len(sftp.files("logs", 5)) == 1
    assert server.operations.count("connect") == 1


# The server's key


def test_a_server_with_another_key_is_told_nothing_and_its_fingerprint_is_shown(
    server: OddSftp, connect: Connect
) -> None:
    # Given a connection for which another key is pinned
    other = " ".join(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2])
    for pinned in (other, "SHA256:" + "A" * 43):
        with pytest.raises(Stop) as refused:
            connect(host_key=pinned).files("logs", 5)
        # Then the sentence shows the key that is there and what to do
        assert server.host_fingerprint() in refused.value.sentence
        assert "connections.sftp.host_key" in refused.value.sentence
    # And nobody logged in
    assert set(server.operations) == {"connect"}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_fingerprint_is_enough_whichever_of_its_keys_a_server_shows_first(server: OddSftp, index: int) -> None:
    # Given a server with keys of three families, of which one is pinned by its fingerprint
    kinds = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")
    server.stop()
    server.host_keys = [asyncssh.generate_private_key(kind) for kind in kinds]
    server.start()
    sftp = Sftp(server.connection(host_key=server.host_fingerprint(index)))
    # Then it is found
    assert sftp.files("logs", 5) == []
    # And asked for at once the next time
    sftp.close()
    connects = server.operations.count("connect")
    assert sftp.files("logs", 5) == []
    assert server.operations.count("connect") == connects + 1
    sftp.close()


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp384", "ssh-rsa"])
def test_a_pinned_line_of_any_family_is_asked_for_first(server: OddSftp, kind: str) -> None:
    server.stop()
    server.host_keys = [asyncssh.generate_private_key(kind), asyncssh.generate_private_key("ssh-ed25519")]
    server.start()
    sftp = Sftp(server.connection())
    assert sftp.files("logs", 5) == []
    sftp.close()


def test_a_key_that_changes_while_running_is_noticed_with_the_next_connection(
    server: OddSftp, connect: Connect
) -> None:
    sftp = connect()
    sftp.files("logs", 5)
    server.stop()
    server.host_keys = [asyncssh.generate_private_key("ssh-ed25519")]
    server.start()
    with pytest.raises(Stop, match=r"has not the key that is pinned"):
        sftp.files("logs", 5)


# Our key


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "ssh-rsa"])
@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_private_keys_of_all_kinds_and_forms_open_the_door(
    server: OddSftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, form: str, passphrase: str | None
) -> None:
    key = asyncssh.generate_private_key(kind)
    server.accepts = [key]
    key.write_private_key(tmp_path / "own", form, passphrase)
    monkeypatch.setenv("OWN_PASSPHRASE", passphrase or "not needed")
    given = {"private_key": f"${{file:{tmp_path / 'own'}}}", "passphrase": "${env:OWN_PASSPHRASE}"}
    sftp = Sftp(server.connection(**given))
    assert sftp.files("logs", 5) == []
    sftp.close()


def test_a_private_key_that_cannot_be_used_is_named_with_the_way_out_and_not_shown(
    server: OddSftp, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "wrong horse")
    key = asyncssh.generate_private_key("ssh-ed25519")
    for form in ("openssh", "pkcs8-pem"):
        key.write_private_key(tmp_path / form, form, "correct horse")
    old = dsa.generate_private_key(1024).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    whole = key.export_private_key("openssh").decode()
    wrong = {
        "no passphrase, openssh": ((tmp_path / "openssh").read_text(), {}, "has a passphrase; set"),
        "no passphrase, pem": ((tmp_path / "pkcs8-pem").read_text(), {}, "has a passphrase; set"),
        "another one, openssh": ((tmp_path / "openssh").read_text(), {"passphrase": "${env:WRONG}"}, "does not open"),
        "another one, pem": ((tmp_path / "pkcs8-pem").read_text(), {"passphrase": "${env:WRONG}"}, "does not open"),
        "public": (key.export_public_key().decode(), {}, "is a public key"),
        "putty": ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", {}, "PuTTY's format"),
        "cut": (whole[: len(whole) // 2], {}, "is not whole"),
        "nonsense": ("nonsense", {}, "no private key in OpenSSH or PEM format"),
        "dsa": (old.decode(), {}, "use an ed25519, ecdsa or rsa key"),
    }
    for name, (text, given, expected) in wrong.items():
        (tmp_path / "own").write_text(text)
        with pytest.raises(CredentialsRefused) as refused:
            connect(private_key=f"${{file:{tmp_path / 'own'}}}", **given).files("logs", 5)
        assert expected in refused.value.sentence, name
        assert "horse" not in refused.value.sentence and text[:20] not in refused.value.sentence
    with pytest.raises(CredentialsRefused, match="cannot be read"):
        connect(private_key=f"${{file:{tmp_path / 'missing'}}}").files("logs", 5)
    # And the server was not even asked
    assert server.operations == []


def test_a_key_that_the_server_does_not_know_is_told_by_its_fingerprint(server: OddSftp, connect: Connect) -> None:
    server.accepts = []
    with pytest.raises(CredentialsRefused, match=r"does not let the user d365acs in with the key SHA256:"):
        connect().files("logs", 5)


def test_a_rotated_key_is_used_by_the_next_connection(server: OddSftp, connect: Connect) -> None:
    sftp = connect()
    sftp.files("logs", 5)
    # When the server takes another key only, and the file holds it
    server.user_key = asyncssh.generate_private_key("ssh-ed25519")
    server.accepts = [server.user_key]
    server.connection()
    server.cut()
    # Then the same object goes on
    assert sftp.files("logs", 5) == []


# Connections that break


def test_one_connection_is_kept_and_made_anew_when_the_server_has_ended_it(server: OddSftp, connect: Connect) -> None:
    (server.home / "logs" / "a.txt").write_text("a")
    sftp = connect()
    for _ in range(3):
        sftp.files("logs", 5)
    assert server.operations.count("connect") == 1
    # When the server ends it while nothing is going on
    server.cut()
    # Then the next calls do not notice
    assert len(sftp.files("logs", 5)) == 1
    server.cut()
    assert sftp.file("logs/a.txt", 5) is not None
    assert server.operations.count("connect") == 3


def test_an_open_file_ends_with_its_connection_and_is_opened_anew(server: OddSftp, connect: Connect) -> None:
    content = os.urandom(CHUNK * AHEAD * 4)
    (server.home / "logs" / "a.txt").write_bytes(content)
    sftp = connect()
    reading = sftp.open("logs/a.txt", 0, 5)
    read = reading.read(5)
    server.cut()
    with pytest.raises(Unreachable, match=r"reading logs/a\.txt: the connection broke off"):
        while True:
            read += reading.read(5)
    reading.close()
    # Then what was read is good, and the rest is there
    again = sftp.open("logs/a.txt", len(read), 5)
    assert read + content_of(again) == content
    # And the old one is not mistaken for a file of the new connection
    with pytest.raises(Unreachable):
        reading.read(5)
    again.close()


def test_what_has_arrived_before_a_connection_broke_off_can_still_be_read(server: OddSftp, connect: Connect) -> None:
    content = os.urandom(CHUNK * 4)
    (server.home / "logs" / "a.txt").write_bytes(content)
    sftp = connect()
    reading = sftp.open("logs/a.txt", 0, 5)
    read = reading.read(5)
    # Given a connection that ends when all that was asked for is here
    assert sftp._client is not None and sftp._transport is not None
    channel = sftp._client.get_channel()
    assert channel is not None
    while len(channel.in_buffer) < CHUNK * 3:
        assert sftp._transport.is_active()
    server.cut()
    sftp._transport.join(10)
    # Then the file is whole but for the question whether it is still the same
    assert read + content_of(reading) == content
    with pytest.raises(Unreachable):
        reading.is_unchanged(5)
    reading.close()


def test_a_server_that_is_silent_is_given_up_in_time_and_not_asked_twice(server: OddSftp, connect: Connect) -> None:
    sftp = connect()
    sftp.files("logs", 5)
    server.silent = True
    with pytest.raises(Unreachable, match="silent for too long"):
        sftp.files("logs", 0.3)
    assert server.operations.count("list") == 2
    server.silent = False
    assert sftp.files("logs", 5) == []


def test_a_server_that_is_away_is_an_outage_and_its_return_is_enough(server: OddSftp, connect: Connect) -> None:
    sftp = connect()
    server.stop()
    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{server.port}: no connection"):
        sftp.files("logs", 5)
    server.start()
    assert sftp.files("logs", 5) == []


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"SSH-2.0-Odd\r\n"])
def test_what_is_no_sftp_server_is_an_outage_within_the_time_given(connect: Connect, greeting: bytes) -> None:
    # Given something that accepts connections, says something else, or nothing at all
    with socket.create_server(("127.0.0.1", 0)) as odd:
        accepted: list[socket.socket] = []

        def accept() -> None:
            try:
                accepted.append(odd.accept()[0])
                accepted[-1].sendall(greeting)
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        with pytest.raises(Unreachable, match="does not answer as an SSH server"):
            connect(port=odd.getsockname()[1]).files("logs", 0.5)
        thread.join()
        for one in accepted:
            one.close()


def test_nothing_of_a_file_or_a_key_is_ever_logged(
    server: OddSftp, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (server.home / "logs" / "a.txt").write_text("ann@example.com" * 10_000)
    sftp = connect()
    reading = sftp.open("logs/a.txt", 0, 5)
    reading.read(5)
    server.cut()
    with pytest.raises(ConnectorError):
        while True:
            reading.read(5)
            reading.is_unchanged(5)
    reading.close()
    gc.collect()
    assert not [record for record in caplog.records if record.name.startswith("paramiko")]
    assert "ann@example.com" not in caplog.text
