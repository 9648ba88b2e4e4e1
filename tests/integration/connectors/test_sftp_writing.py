"""Files that are left on the SFTP server for others: whole or not at all, whatever happens while they are written."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from connectors.errors import AccessDenied, FolderMissing, TryAgain, Unavailable, Unreachable
from connectors.sftp import _PROBE, Sftp
from connectors.sftp_writing import CHUNK
from tests.integration.connectors.sftp_server import OddSftp

OLD, NEW = b"old\n" * 30_000, b"new, and longer\n" * 30_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OddSftp]:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    with OddSftp(home) as server:
        yield server


@pytest.fixture
def sftp(server: OddSftp) -> Iterator[Sftp]:
    sftp = Sftp(server.connection())
    yield sftp
    sftp.close()


def names(server: OddSftp) -> list[str]:
    return sorted(os.listdir(server.home / "logs"))


@pytest.mark.parametrize("size", [0, 1, CHUNK, 10 * CHUNK + 1])
def test_a_file_arrives_whole_and_alone(server: OddSftp, sftp: Sftp, size: int) -> None:
    content = os.urandom(size)
    sftp.write("logs/a.jsonl", content, 5, within=30)
    assert (server.home / "logs/a.jsonl").read_bytes() == content
    assert names(server) == ["a.jsonl"]


def test_whoever_reads_meanwhile_sees_the_old_file_or_the_new_one(server: OddSftp, sftp: Sftp) -> None:
    # Given a file, and somebody who looks at every step of writing another in its place
    path, seen = server.home / "logs/a.jsonl", set()
    path.write_bytes(OLD)

    def look(name: str, where: str) -> None:
        seen.add(path.read_bytes())

    server.before = look
    # When it is written
    sftp.write("logs/a.jsonl", NEW, 5, within=30)
    # Then the old one was there until the new one was
    assert (seen, path.read_bytes()) == ({OLD}, NEW)
    assert server.operations.count("write") > 10


@pytest.mark.parametrize("step", ["open", "write", "stat", "posix_rename"])
def test_a_connection_that_breaks_leaves_the_old_file_and_the_next_try_leaves_nothing_else(
    server: OddSftp, sftp: Sftp, step: str
) -> None:
    # Given a file, and a server that ends every connection at one step of writing another
    (server.home / "logs/a.jsonl").write_bytes(OLD)
    server.before = breaking(step, asyncssh.SFTPConnectionLost("gone"), server)
    with pytest.raises(TryAgain, match=r"writing logs/a\.jsonl"):
        sftp.write("logs/a.jsonl", NEW, 5, within=30)
    assert (server.home / "logs/a.jsonl").read_bytes() == OLD
    # When it is well again
    server.before = lambda name, path: None
    sftp.write("logs/a.jsonl", NEW, 5, within=30)
    # Then the new one is there, and nothing beside it
    assert (server.home / "logs/a.jsonl").read_bytes() == NEW
    assert names(server) == ["a.jsonl"]


def breaking(step: str, error: Exception, server: OddSftp) -> Callable[[str, str], None]:
    def before(name: str, path: str) -> None:
        if name == step:
            for connection in list(server._connections):
                connection.abort()
            raise error

    return before


def failing(step: str, error: Exception) -> Callable[[str, str], None]:
    def before(name: str, path: str) -> None:
        if name == step:
            raise error

    return before


def test_what_the_server_answers_is_named(server: OddSftp, sftp: Sftp) -> None:
    with pytest.raises(FolderMissing, match="has no folder gone: create it there"):
        sftp.write("gone/a.jsonl", NEW, 5, within=30)
    server.before = failing("open", asyncssh.SFTPPermissionDenied("no"))
    with pytest.raises(AccessDenied, match=r"writing logs/a\.jsonl: the server does not let the user d365acs do that"):
        sftp.write("logs/a.jsonl", NEW, 5, within=30)
    server.before = failing("write", asyncssh.SFTPFailure("The disk is full"))
    with pytest.raises(Unavailable, match=r"writing logs/a\.jsonl: the server says that it failed"):
        sftp.write("logs/a.jsonl", NEW, 5, within=30)


def test_a_server_that_lost_a_part_is_not_believed(server: OddSftp, sftp: Sftp) -> None:
    # Given a server that loses what it has said it wrote
    def lose(name: str, path: str) -> None:
        if name == "stat":
            os.truncate(server.home / path, 10)

    (server.home / "logs/a.jsonl").write_bytes(OLD)
    server.before = lose
    # When a file is written, then the old one stays
    with pytest.raises(Unavailable, match="not all of it arrived"):
        sftp.write("logs/a.jsonl", NEW, 5, within=30)
    assert (server.home / "logs/a.jsonl").read_bytes() == OLD


PIECES = [b"header\n", *(bytes([65 + number]) * (2 * CHUNK + 7) for number in range(3)), b"", b"end\n"]


def test_a_file_that_grows_piece_by_piece_arrives_whole(server: OddSftp, sftp: Sftp) -> None:
    for pieces in ([], [b""], [b"one"], PIECES, [b"x" * 300] * 250):
        writing = sftp.create("logs/a.csv", 5)
        for piece in pieces:
            writing.write(piece, 5)
        writing.close(5)
        assert (server.home / "logs/a.csv").read_bytes() == b"".join(pieces)


@pytest.mark.parametrize("refused", range(1, 12))
def test_no_piece_may_be_missing(server: OddSftp, sftp: Sftp, refused: int) -> None:
    # Given a server that refuses one request of a file, and takes all behind it
    def refuse(name: str, path: str) -> None:
        if name == "write" and server.operations.count("write") == refused:
            raise asyncssh.SFTPFailure("The quota is used up")

    server.before = refuse
    # When it is written, then that is known, although its size may be right
    writing = sftp.create("logs/a.csv", 5)
    with pytest.raises(Unavailable, match=r"writing logs/a\.csv: the server says that it failed"):
        for piece in PIECES:
            writing.write(piece, 5)
        writing.close(5)
    # And the connection is as good as before
    writing.give_up()
    sftp.remove("logs/a.csv", 5)
    assert (names(server), server.operations.count("connect")) == ([], 1)
    assert server.operations.count("write") == 11


def test_a_server_that_tells_at_the_close_that_it_failed_is_believed(server: OddSftp, sftp: Sftp) -> None:
    # Given a server that learns only at the end that there was no space
    (server.home / "logs/a.jsonl").write_bytes(OLD)
    server.before = failing("close", asyncssh.SFTPFailure("The quota is used up"))
    # When files are written, at once or piece by piece, then that is known
    with pytest.raises(Unavailable, match=r"writing logs/a\.jsonl: the server says that it failed"):
        sftp.write("logs/a.jsonl", NEW, 5, within=30)
    writing = sftp.create("logs/a.csv", 5)
    writing.write(NEW, 5)
    with pytest.raises(Unavailable, match=r"writing logs/a\.csv: the server says that it failed"):
        writing.close(5)
    # And what was there stays
    assert (server.home / "logs/a.jsonl").read_bytes() == OLD


def test_a_server_without_the_extension_of_openssh_gets_plain_renames(server: OddSftp, sftp: Sftp) -> None:
    server.before = failing("posix_rename", asyncssh.SFTPOpUnsupported("Operation unsupported"))
    for content in (OLD, NEW):
        sftp.write("logs/a.jsonl", content, 5, within=30)
        assert (server.home / "logs/a.jsonl").read_bytes() == content
    assert names(server) == ["a.jsonl"]


def test_a_busy_server_gets_no_more_time_than_it_is_given(server: OddSftp, sftp: Sftp) -> None:
    with pytest.raises(Unreachable, match=r"writing logs/a\.jsonl: it takes too long"):
        sftp.write("logs/a.jsonl", NEW, 5, within=0)
    assert "a.jsonl" not in names(server)


def test_a_folder_that_somebody_else_tries_at_the_same_time_is_well(server: OddSftp, sftp: Sftp) -> None:
    # Given somebody else, who has taken the empty file away before we do
    server.before = lambda what, path: os.remove(f"{server.home}/logs/{_PROBE}") if what == "remove" else None
    # When the folder is tried, Then it is well
    assert sftp.try_folder("logs", 5) is True
    assert names(server) == []


def test_a_folder_is_tried_and_left_as_it_was(server: OddSftp, sftp: Sftp) -> None:
    # Given a folder that is there, and others that are not
    assert sftp.try_folder("logs", 5) is True
    assert sftp.try_folder("logs/of/ours", 5) is False
    assert sftp.try_folder("/ours", 5) is False
    assert sftp.try_folder("ours", 5) is False
    # Then nothing was left anywhere
    assert (names(server), os.listdir(server.home)) == ([], ["logs"])
    # When files may not be written there, then it is said
    server.before = failing("open", asyncssh.SFTPPermissionDenied("no"))
    with pytest.raises(AccessDenied, match="writing to logs: the server does not let the user d365acs do that"):
        sftp.try_folder("logs", 5)
