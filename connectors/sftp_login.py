"""The way to an SFTP session: the pinned host key is seen, then our private key logs in; no agent, no known_hosts."""

import logging
import socket
import threading

import paramiko
from paramiko.sftp import SFTPError
from paramiko.ssh_exception import IncompatiblePeer

from config.sftp_connection import SftpConnection
from connectors.errors import TITLES, ConnectorError, CredentialsRefused, HostKeyDiffers, Stop, Unreachable
from connectors.sftp_keys import FAMILIES, PinnedKey, family_of, fingerprint, private_key

#: Seconds for everything that comes before the first request: connecting, keys, login.
CONNECT_SECONDS = 20.0
#: Seconds between signs of life on a connection with nothing to do, so that no firewall forgets it.
KEEPALIVE_SECONDS = 30

# What goes wrong is told by our own sentences; paramiko would add a traceback for each.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class Login:
    """Makes SFTP sessions on one server."""

    def __init__(self, connection: SftpConnection) -> None:
        self._connection = connection
        self._pinned = PinnedKey(connection.host_key)
        self._families = self._pinned.families
        self._server = f"{TITLES['sftp']} at {connection.host}:{connection.port}"

    def session(self, timeout: float) -> tuple[paramiko.Transport, paramiko.SFTPClient]:
        """A new session; whoever asked for it closes the transport.

        Raises HostKeyDiffers, CredentialsRefused, Unreachable.
        """
        limit = min(timeout, CONNECT_SECONDS)
        key = private_key(self._connection)
        transport = self._verified(limit)
        # paramiko waits for some answers without any limit of its own.
        watchdog = threading.Timer(limit, transport.close)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._log_in(transport, key)
            channel = transport.open_session(timeout=limit)
            channel.settimeout(limit)
            channel.invoke_subsystem("sftp")
            client = paramiko.SFTPClient(channel)
        except ConnectorError:
            transport.close()
            raise
        except (OSError, EOFError, SFTPError, paramiko.SSHException) as error:
            transport.close()
            raise self._unreachable(f"it does not answer as an SFTP server ({type(error).__name__})") from None
        finally:
            watchdog.cancel()
        transport.set_keepalive(KEEPALIVE_SECONDS)
        return transport, client

    def _verified(self, timeout: float) -> paramiko.Transport:
        """An encrypted connection to the server with the pinned key, and no other."""
        families = list(self._families)
        seen: list[str] = []
        while families:
            try:
                transport, key = self._encrypted(families, timeout)
            except IncompatiblePeer:
                if seen:
                    break
                raise Stop(
                    "sftp",
                    f"{self._server} has no kind of encryption or of host key in common with this software: "
                    f"let it offer current ones",
                ) from None
            family = family_of(key.get_name())
            if self._pinned.fits(key.asbytes()):
                # The next connection asks for this one at once.
                self._families = sorted(self._families, key=lambda other: other != family)
                return transport
            transport.close()
            seen.append(f"{fingerprint(key.asbytes())} ({key.get_name()})")
            # A fingerprint does not tell its family: the server may have the pinned key besides this one.
            families = [] if self._pinned.tells_family else [other for other in families if other != family]
        raise HostKeyDiffers(
            "sftp",
            f"{self._server} has not the key that is pinned in connections.sftp.host_key, but {' and '.join(seen)}; "
            f"nothing was sent to it. If whoever runs the server confirms that its key has changed, pin the new one",
        )

    def _encrypted(self, families: list[str], timeout: float) -> tuple[paramiko.Transport, paramiko.PKey]:
        """A connection on which nothing was said yet, and the host key of one of these families. Raises
        IncompatiblePeer, Unreachable."""
        try:
            network = socket.create_connection((self._connection.host, self._connection.port), timeout)
        except OSError as error:
            raise self._unreachable(f"no connection ({error.strerror or type(error).__name__})") from None
        network.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        transport = paramiko.Transport(network)
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = timeout
        transport.get_security_options().key_types = tuple(kind for family in families for kind in FAMILIES[family])
        try:
            transport.start_client(timeout=timeout)
            return transport, transport.get_remote_server_key()
        except IncompatiblePeer:
            transport.close()
            network.close()
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            transport.close()
            network.close()
            raise self._unreachable(f"it does not answer as an SSH server ({type(error).__name__})") from None

    def _log_in(self, transport: paramiko.Transport, key: paramiko.PKey) -> None:
        try:
            transport.auth_publickey(self._connection.user, key)
        except paramiko.AuthenticationException as error:
            # One kind of error stands for a refusal, for silence, and for a connection that broke.
            if not transport.is_active() or "timeout" in str(error).lower():
                raise self._unreachable("it broke off the login, or was silent for too long") from None
        if not transport.is_authenticated():
            raise CredentialsRefused(
                "sftp",
                f"{self._server} does not let the user {self._connection.user} in with the key "
                f"{fingerprint(key.asbytes())}: register its public half there, or check user and private_key in "
                f"connections.sftp",
            )

    def _unreachable(self, what: str) -> Unreachable:
        return Unreachable("sftp", f"{self._server}: {what}; it will be tried again")
