"""The SFTP server, asked by paramiko: files whole and in part, keys, faults."""

import gzip
import io
from collections.abc import Callable, Iterator

import paramiko
import pytest
import requests

from tests.sandboxes import Sandbox

FOLDER = "d365_loads/exports/logs"
LINES = "id\tname\n1\tÅsa\n"


class Client:
    """One login; `host_key` is the server's as a line."""

    def __init__(self, sandbox: Sandbox, key: paramiko.PKey | None = None, user: str = "") -> None:
        given = sandbox.info["sftp"]
        self._transport = paramiko.Transport((given["host"], sandbox.sftp_port))
        own = paramiko.Ed25519Key.from_private_key(io.StringIO(given["private_key"]))
        try:
            self._transport.connect(username=user or given["user"], pkey=key or own)
            found = paramiko.SFTPClient.from_transport(self._transport)
        except BaseException:
            self._transport.close()
            raise
        assert found is not None
        self.sftp = found
        shown = self._transport.get_remote_server_key()
        self.host_key = f"{shown.get_name()} {shown.get_base64()}"

    def content(self, path: str) -> bytes:
        with self.sftp.open(path, "rb") as file:
            content: bytes = file.read()
        return content

    def close(self) -> None:
        self._transport.close()


Connect = Callable[..., Client]


@pytest.fixture
def connect(sandbox: Sandbox) -> Iterator[Connect]:
    clients: list[Client] = []

    def join(key: paramiko.PKey | None = None, user: str = "") -> Client:
        clients.append(Client(sandbox, key, user))
        return clients[-1]

    yield join
    for client in clients:
        client.close()


def test_the_server_shows_the_key_that_was_announced_and_lets_its_user_in(sandbox: Sandbox, connect: Connect) -> None:
    client = connect()
    assert client.host_key == sandbox.info["sftp"]["host_key"]
    assert client.sftp.listdir(FOLDER) == []
    assert client.sftp.normalize(".") == "/"


def test_another_key_and_another_user_are_refused(connect: Connect) -> None:
    for key, user in ((paramiko.RSAKey.generate(2048), ""), (None, "root")):
        with pytest.raises(paramiko.AuthenticationException):
            connect(key, user)


def test_files_are_listed_with_size_and_time_read_moved_and_removed(sandbox: Sandbox, connect: Connect) -> None:
    # Given a file that was put there an hour ago
    sandbox.admin.put(f"/sftp/files/{FOLDER}/a.txt", {"text": LINES, "encoding": "latin-1", "mtime": 1_777_000_000})
    client = connect()
    # When it is listed and read
    (listed,) = client.sftp.listdir_attr(FOLDER)
    # Then all is as it was put there
    assert (listed.filename, listed.st_size, listed.st_mtime) == ("a.txt", len(LINES), 1_777_000_000)
    assert client.content(f"{FOLDER}/a.txt") == LINES.encode("latin-1")
    # And it can be moved aside and removed
    client.sftp.mkdir(f"{FOLDER}/done")
    client.sftp.rename(f"{FOLDER}/a.txt", f"{FOLDER}/done/a.txt")
    assert [file["path"] for file in sandbox.admin.get("/sftp/files")["value"]] == [f"{FOLDER}/done/a.txt"]
    client.sftp.remove(f"{FOLDER}/done/a.txt")
    assert sandbox.admin.get("/sftp/files")["value"] == []
    with pytest.raises(FileNotFoundError):
        client.sftp.stat(f"{FOLDER}/a.txt")


def test_a_file_can_be_uploaded_bit_by_bit(sandbox: Sandbox, connect: Connect) -> None:
    # Given a packed file of which ten bytes are there
    path = f"{FOLDER}/a_20260501_080000.txt.gz"
    told = sandbox.admin.put(f"/sftp/files/{path}", {"text": LINES, "gzip": True, "bytes": 10})
    client = connect()
    assert client.sftp.stat(path).st_size == told["size"] == 10
    # When one more byte comes, and then the rest
    assert sandbox.admin.post(f"/sftp/files/{path}", {"bytes": 1})["size"] == 11
    with pytest.raises(EOFError):
        gzip.decompress(client.content(path))
    rest = sandbox.admin.post(f"/sftp/files/{path}", {"age": 3600})
    # Then the file is whole, and as old as was asked for
    assert rest["missing"] == 0
    assert gzip.decompress(client.content(path)).decode() == LINES
    now = sandbox.admin.get("/clock")["now"]
    assert 3590 < now - sandbox.admin.get(f"/sftp/files/{path}")["mtime"] < 3700


def test_a_server_that_is_full_for_a_moment_leaves_a_hole(sandbox: Sandbox, connect: Connect) -> None:
    # Given a server that refuses the piece with the fifth byte
    sandbox.admin.put("/switches", {"sftp_full_at_byte": 4})
    # When a file is uploaded in three pieces, and each is answered
    with connect().sftp.open(f"{FOLDER}/a.txt", "wb") as file:
        file.write(b"one,")
        with pytest.raises(OSError, match="quota"):
            file.write(b"two,")
        file.seek(8)
        file.write(b"three")
    # Then what comes behind it is there all the same, and the size tells nothing
    assert sandbox.admin.get(f"/sftp/files/{FOLDER}/a.txt")["text"] == "one,\0\0\0\0three"


def test_the_admin_side_reads_dates_and_deletes_files(sandbox: Sandbox) -> None:
    sandbox.admin.put("/sftp/folders/d365_loads/new", {})
    sandbox.admin.put("/sftp/files/d365_loads/new/a.bin", {"base64": "/w=="})
    read = sandbox.admin.get("/sftp/files/d365_loads/new/a.bin")
    assert (read["base64"], read["text"]) == ("/w==", None)
    assert sandbox.admin.patch("/sftp/files/d365_loads/new/a.bin", {"mtime": 5})["mtime"] == 5
    sandbox.admin.delete("/sftp/files/d365_loads/new")
    url = sandbox.info["admin"]["url"] + "/sftp/files/"
    assert requests.get(url + "d365_loads/new/a.bin", timeout=10).status_code == 404
    for path, body in (("a/%2E%2E/%2E%2E/x", {"text": ""}), ("a", {}), ("a", {"text": "", "base64": ""})):
        assert requests.put(url + path, json=body, timeout=10).status_code == 400


def test_what_a_client_sees_does_not_lead_out_of_its_home(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.admin.put("/sftp/files/a.txt", {"text": "x"})
    client = connect()
    assert sorted(client.sftp.listdir("/")) == sorted(client.sftp.listdir("../../..")) == ["a.txt", "d365_loads"]


def test_by_switch_the_host_key_is_another_one(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.admin.put("/switches", {"sftp_host_key": "other"})
    assert connect().host_key != sandbox.info["sftp"]["host_key"]
    sandbox.admin.post("/reset")
    assert connect().host_key == sandbox.info["sftp"]["host_key"]


def test_by_switch_the_right_key_is_refused(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.admin.put("/switches", {"sftp_authentication": "refused"})
    with pytest.raises(paramiko.AuthenticationException):
        connect()


def test_a_download_is_torn_after_so_many_bytes_and_can_go_on_from_there(sandbox: Sandbox, connect: Connect) -> None:
    # Given a file of 300 kB on a server that tears the connection behind 100 kB
    sandbox.admin.put(f"/sftp/files/{FOLDER}/a.txt", {"text": "0123456789" * 30_000})
    sandbox.admin.put("/switches", {"sftp_drop_after_bytes": 100_000})
    # When it is read with a new connection for every loss
    read = b""
    losses = 0
    while len(read) < 300_000:
        with connect().sftp.open(f"{FOLDER}/a.txt", "rb") as file:
            file.seek(len(read))
            try:
                while chunk := file.read(20_000):
                    read += chunk
            except (EOFError, OSError, paramiko.SSHException):
                losses += 1
    # Then it was lost on the way, and came whole in the end
    assert read == b"0123456789" * 30_000
    assert losses >= 2


def test_a_slow_server_sends_so_many_bytes_a_second(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.admin.put("/sftp/files/a.txt", {"text": "x" * 50_000})
    sandbox.admin.put("/switches", {"sftp_bytes_per_second": 100_000})
    client = connect()
    before = sandbox.admin.get("/clock")["now"]
    assert len(client.content("a.txt")) == 50_000
    assert sandbox.admin.get("/clock")["now"] - before >= 0.5


@pytest.mark.parametrize(("fault", "there"), [("reset", True), ("reset_after", False), ("500", True)])
def test_faults_befall_operations_before_or_after_their_effect(
    sandbox: Sandbox, connect: Connect, fault: str, there: bool
) -> None:
    sandbox.admin.put("/sftp/files/a.txt", {"text": "x"})
    client = connect()
    sandbox.admin.put("/faults", {"sftp": {f"rate_{fault}": 1}})
    with pytest.raises((OSError, EOFError, paramiko.SSHException)):
        client.sftp.remove("a.txt")
    assert bool(sandbox.admin.get("/sftp/files")["value"]) == there
    assert sandbox.admin.get("/faults")["sftp"]["dealt"] == {fault: 1}


def test_a_held_answer_ends_in_a_torn_connection(sandbox: Sandbox, connect: Connect) -> None:
    client = connect()
    sandbox.admin.put("/faults", {"sftp": {"rate_timeout_before": 1, "hold_seconds": 0.05}})
    with pytest.raises((OSError, EOFError, paramiko.SSHException)):
        client.sftp.listdir(FOLDER)


def test_faults_befall_logins_too(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.admin.put("/faults", {"sftp": {"rate_expired_token": 1}})
    with pytest.raises(paramiko.AuthenticationException):
        connect()
    sandbox.admin.put("/faults", {"sftp": {"rate_reset": 1}})
    with pytest.raises((OSError, EOFError, paramiko.SSHException)):
        connect()


def test_faults_that_only_http_knows_are_refused(sandbox: Sandbox) -> None:
    answer = requests.put(sandbox.info["admin"]["url"] + "/faults", json={"sftp": {"rate_429": 1}}, timeout=10)
    assert (answer.status_code, "sftp.rate_429 is not a fault" in answer.json()["error"]) == (400, True)


def test_operations_are_counted_once_each(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.admin.put("/sftp/files/a.txt", {"text": "x"})
    client = connect()
    client.sftp.listdir("/")
    client.content("/a.txt")
    counted = sandbox.admin.get("/calls")["sftp"]
    assert (counted["login"], counted["list"], counted["open"]) == (1, 1, 1)


def test_a_reset_leaves_nothing_but_the_folders(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.admin.put("/sftp/files/own/a.txt", {"text": "x"})
    sandbox.admin.post("/reset")
    client = connect()
    assert client.sftp.listdir("/") == ["d365_loads"]
    assert client.sftp.listdir(FOLDER) == []
