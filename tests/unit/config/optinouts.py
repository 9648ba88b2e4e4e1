"""Made-up configurations of opt-in/out with every feature, for properties that must hold for all of them."""

from hypothesis import strategies as st

from config.optinout import (
    DIRECTIONS,
    FLAGS,
    POLICIES,
    ConsentColumns,
    ConsentFiles,
    ConsentPoll,
    ExportWorkflow,
    FlagPair,
    FlagTimes,
    OptinoutConfig,
    Policy,
)
from config.tables import CampaignKey

_SECONDS = st.integers(0, 3600) | st.floats(0, 3600)
_COLUMN_NAMES = [f"donot{letter}" for letter in "abcdefgh"]
_ODD = st.sampled_from(["id", "no email", "null", "~", "x: y", "010", "é"])


@st.composite
def _pairs(draw: st.DrawFn, policies: tuple[Policy, ...]) -> tuple[FlagPair, ...]:
    flags = draw(st.lists(st.sampled_from(FLAGS), min_size=1, max_size=8, unique=True))
    columns = draw(st.permutations(_COLUMN_NAMES))
    return tuple(
        FlagPair(
            dynamics=column,
            campaign=flag,
            opted_out=draw(st.booleans()),
            policy=draw(st.sampled_from(policies)),
        )
        for column, flag in zip(columns, flags, strict=False)
    )


_COLUMNS = st.builds(
    ConsentColumns,
    contact=st.sampled_from(["CRM id", "externalId", "1:30"]),
    modified=st.none() | _ODD,
    flags=st.lists(st.sampled_from(FLAGS), unique=True).map(lambda flags: {flag: f"{flag}: value" for flag in flags}),
    times=st.dictionaries(st.sampled_from(FLAGS), st.none() | _ODD),
)

_FILES = st.builds(
    ConsentFiles,
    folder=st.sampled_from(["/", "in/out", "."]),
    pattern=st.sampled_from(["*", "optout_[0-9]*"]),
    order=st.sampled_from(["name", "time"]),
    delimiter=st.sampled_from(["\t", ";", ",", "|"]),
    quote=st.sampled_from([None, '"', "'"]),
    settled_seconds=_SECONDS,
    afterwards=st.sampled_from(["keep", "archive", "delete"]),
    archive_folder=st.just("done"),
    columns=_COLUMNS,
    true_values=st.sampled_from([("1",), ("TRUE", "ja", "~")]),
    false_values=st.sampled_from([("0",), ("no", "off")]),
    date_formats=st.sampled_from([(), ("%d/%m/%Y %H:%M:%S%z",)]),
)

_POLL = st.builds(
    ConsentPoll,
    filter=st.sampled_from(["byLastModified", "byChanged"]),
    every_seconds=st.integers(1, 3600) | st.floats(0.1, 3600),
    overlap_seconds=_SECONDS,
    page_size=st.integers(1, 1000),
)

_EXPORT = st.builds(
    ExportWorkflow, id=st.sampled_from(["WKF1", "12"]), signal=st.just("signal1"), every_seconds=st.integers(600, 10**5)
)


@st.composite
def optinout_configs(draw: st.DrawFn) -> OptinoutConfig:
    files = draw(st.none() | _FILES)
    direction = draw(st.sampled_from(DIRECTIONS))
    return OptinoutConfig(
        direction=direction,
        flags=draw(_pairs(("documented", "campaign") if direction == "campaign_to_dynamics" else POLICIES)),
        profile_key=draw(st.builds(CampaignKey, unique=st.booleans(), filter=st.just("byX"))),
        poll=draw(_POLL if files is None else st.none() | _POLL),
        files=files,
        export_workflow=draw(st.none() | _EXPORT) if files else None,
        times=FlagTimes(
            all_channels=draw(st.sampled_from(["newer", "blackListLastModified"])),
            push=draw(st.sampled_from(["seen", "modified", "none"])),
        ),
        contact_limit_seconds=draw(_SECONDS),
        retention_days=draw(st.integers(1, 36_500)),
    )
