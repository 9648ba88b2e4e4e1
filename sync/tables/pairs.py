"""What a mapping leads from and to. What was written to another resource or under another key says nothing about it."""

from hashlib import blake2b

import orjson

from config.ingress import TableMapping


def pair_of(mapping: TableMapping) -> str:
    """Stands for table, resource and key field: 32 hexadecimal digits."""
    pair = [mapping.table, mapping.resource, mapping.key.field]
    return blake2b(orjson.dumps(pair), digest_size=16).hexdigest()
