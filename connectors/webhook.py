"""One message to a webhook: JSON by POST, signed if there is a key. Redirects are not followed, answers not read."""

import hashlib
import hmac
from urllib.parse import urlsplit

import requests

from config.addresses import is_loopback

#: Seconds for connecting, and for the answer to begin.
TIMEOUT = (3.05, 5.0)

SIGNATURE = "X-D365acs-Signature"
DELIVERY = "X-D365acs-Delivery"


class NotTaken(Exception):
    """The message was not delivered; the sentence never holds the address, which is a secret."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def post(url: str, body: bytes, delivery: str, key: str | None, now: float) -> None:
    """Delivers one message, or raises NotTaken.

    `delivery`: the id of the message, the same each time it is tried. `key`: signs it. `now`: Unix time, seconds.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise NotTaken("The address of the webhook must begin with https://; http is for this machine alone")
    headers = {"Content-Type": "application/json", "User-Agent": "d365acs", DELIVERY: delivery}
    if key is not None:
        headers[SIGNATURE] = signature(key, body, int(now))
    try:
        # As the connections: proxies of the environment count, a .netrc does not, since a login of its own is given.
        answer = requests.post(
            url,
            body,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
            auth=lambda request: request,
        )
        status = answer.status_code
        answer.close()
    except (requests.RequestException, OSError, ValueError) as error:
        # The text of the error may hold the address.
        raise NotTaken(f"The webhook does not answer ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise NotTaken(f"The webhook does not take messages: it answers {status}")


def signature(key: str, body: bytes, at: int) -> str:
    """`t=<Unix time>,v1=<HMAC-SHA256 of "<time>.<body>" in hexadecimal digits>`: an old message cannot be sent anew."""
    signed = hmac.new(key.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
