"""What a workflow in trouble waits to do, in words: the place of a trouble is a name that programs read."""

from store.trouble import ALERTS, AWAITED, LOGS

_OF_ALL = {
    "start": "to start",
    "connect": "to connect",
    "schemas": "to compare the schemas",
    "logs": "to export the logs",
    LOGS: "to write its logs to the SFTP server",
    ALERTS: "to tell its webhook what is wrong",
    AWAITED: "to start",
    "tick": "to look what is to be done",
}
_OF_ONE = {
    "read": "to read {stream}",
    "write": "to write {stream}",
    "backfill": "to read {stream} once more",
    "parents": "to find what {stream} links to",
    "deletions": "to delete {stream}",
    "load": "to have {stream} imported in files",
}


def wish(where: str) -> str:
    """to write contact; of a place that is not known here, its name."""
    stream, _, what = where.rpartition(".")
    if what in _OF_ONE and stream:
        return _OF_ONE[what].format(stream=stream)
    return _OF_ALL.get(where, f"at {where}")
