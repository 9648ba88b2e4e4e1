"""What stands for a configuration or a place in a position: the same value, the same text."""

from hashlib import blake2b

import orjson


def digest(value: object) -> str:
    """16 hexadecimal digits of what JSON can hold."""
    return blake2b(orjson.dumps(value), digest_size=8).hexdigest()
