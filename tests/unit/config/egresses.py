"""Made-up configurations of egress with every feature, for properties that must hold for all of them."""

from typing import Any

from hypothesis import strategies as st

from config.activities import Activities, ActivityMapping, BounceActivity, ClickActivity, OpenActivity, SendActivity
from config.connections import JournalConnection, LogExport, SftpConnection
from config.egress import EgressConfig, EventSwitches, FileEvents, JournalEvents
from config.event_fields import EventStatuses, EventTypes, FileFields, JournalFields
from config.model import Model

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYQkVcAHfc/hgvqg+dOzrRyBvuBNmrEPhuSrqXBcuqF"
FINGERPRINT = "SHA256:hzb1LcUUSzsDIsBoa7SUKbH+bZ2C1qVbMxE2JKYCtQo"

# Few and odd: drawing letters for each of sixty values would take seconds.
_ODD = [
    "id",
    "2",
    "no",
    "010",
    "1:30",
    "null",
    "~",
    "a b",
    "x: y",
    "#",
    "'",
    '"',
    "<<",
    "é",
    "\N{GRINNING FACE}",
    "- a",
]
_TEXTS = st.sampled_from([*_ODD, "data.id", "a..b"])
_PATHS = st.sampled_from([*_ODD, "data.id", "data.event id.no", "é.~"])
_SECONDS = st.integers(0, 10**6) | st.floats(0, 1e6)
_URL = st.just("https://events.example.com/events/organizations/1")
_ORGANISATION = st.just("A@AdobeOrg")
_SCOPES = st.none() | st.just(("adobeio_api",))

JOURNALS = st.builds(JournalConnection, url=_URL, org_id=_ORGANISATION, scopes=_SCOPES) | st.builds(
    JournalConnection, url=_URL, org_id=_ORGANISATION, client_id=_TEXTS, client_secret=st.just("${env:J}")
)

SFTPS = st.builds(
    SftpConnection,
    host=st.sampled_from(["sftp.example.com", "127.0.0.1", "::1"]),
    port=st.integers(1, 65535),
    user=_TEXTS,
    private_key=st.just("${file:/k}"),
    passphrase=st.none() | st.just("${env:P}"),
    host_key=st.sampled_from([HOST_KEY, FINGERPRINT]),
    logs=st.none()
    | st.builds(LogExport, folder=st.sampled_from(["logs", "/in/logs"]), every_seconds=st.integers(60, 86_400)),
)


def _lists(model: type[Model]) -> st.SearchStrategy[Any]:
    """A model of lists, with each odd value in one of them or in none."""
    names = list(model.model_fields)
    places = st.lists(st.sampled_from([*names, ""]), min_size=len(_ODD), max_size=len(_ODD))
    return places.map(lambda found: model(**{name: _values(found, name) for name in names}))


def _values(places: list[str], name: str) -> tuple[str, ...]:
    return tuple(value for value, place in zip(_ODD, places, strict=True) if place == name)


def _fields(model: type[Model], values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    names = list(model.model_fields)
    optional = st.none() | values
    return st.builds(model, **{name: values if name in names[:4] else optional for name in names})


def _activity(model: type[ActivityMapping]) -> st.SearchStrategy[Any]:
    names = [name for name in model.model_fields if name not in ("table", "date")]

    def of(found: list[str | None]) -> ActivityMapping:
        return model.model_validate({"date": "new_date", **dict(zip(names, found, strict=False))})

    return st.permutations(["new_a", "new_b", "_c", None]).map(of)


_FILES = st.builds(
    FileEvents,
    folder=st.sampled_from(["/", "in/out", "/in", "."]),
    pattern=st.sampled_from(["*", "a_[0-9]*", "[]]?", "[!]x]"]),
    order=st.sampled_from(["name", "time"]),
    delimiter=st.sampled_from(["\t", ";", ",", "|", " "]),
    quote=st.sampled_from([None, '"', "'"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "windows-1252", "UTF-8-sig"]),
    settled_seconds=_SECONDS,
    afterwards=st.sampled_from(["keep", "archive", "delete"]),
    archive_folder=st.just("done"),
    fields=_fields(FileFields, _TEXTS),
)

_JOURNAL = st.builds(
    JournalEvents,
    begin=st.sampled_from(["oldest", "latest"]),
    page_size=st.none() | st.integers(1, 10**4),
    fields=_fields(JournalFields, _PATHS),
)

EGRESS_CONFIGS = st.builds(
    EgressConfig,
    source=st.sampled_from(["journal", "files"]),
    events=st.builds(EventSwitches, **dict.fromkeys(("sends", "opens", "clicks", "bounces"), st.booleans())),
    contact_limit_seconds=_SECONDS,
    without_contact=st.sampled_from(["set_aside", "ignore"]),
    future_limit_seconds=_SECONDS,
    batch_size=st.integers(1, 500),
    journal=_JOURNAL,
    files=_FILES,
    types=_lists(EventTypes),
    statuses=_lists(EventStatuses),
    hard_failures=st.lists(_TEXTS, max_size=3).map(tuple),
    date_formats=st.sampled_from([(), ("%d/%m/%Y %H:%M:%S%z",), ("%Y%m%d", "%d %B %Y %I:%M %p")]),
    activities=st.builds(
        Activities,
        send=_activity(SendActivity),
        open=_activity(OpenActivity),
        click=_activity(ClickActivity),
        bounce=_activity(BounceActivity),
        complete=st.booleans(),
    ),
)
