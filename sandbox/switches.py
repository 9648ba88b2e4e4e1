"""Every assumption that could be otherwise on a real instance, as one value each."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_origin

from sandbox.imports.settings import ImportSettings

_TABLES = ("account", "contact", "new_invoice", "new_invoiceline", "new_membership")
_ACTIVITIES = ("adobe_emailsend", "adobe_emailopen", "adobe_emailurlclick", "adobe_emailbounce")


def _default_filters() -> dict[str, dict[str, str]]:
    return {
        "byExternalId": {"field": "externalId", "parameter": "externalId_parameter", "operator": "equal"},
        "byCrmId": {"field": "cusCrmId", "parameter": "cusCrmId_parameter", "operator": "equal"},
        "byLastModified": {
            "field": "lastModified",
            "parameter": "lastModified_parameter",
            "operator": "greaterOrEqual",
        },
    }


#: What the parameter of a signal can be (ACS, declaring parameters of an external signal).
PARAMETER_TYPES = ("string", "number", "boolean", "datetime")

_CUSTOM = ("cusMembership", "cusInvoice", "cusInvoiceLine", "cusStore")


def _default_resource_keys() -> dict[str, str]:
    return dict.fromkeys(_CUSTOM, "crmId")


def _default_resource_filters() -> dict[str, dict[str, dict[str, str]]]:
    by_crm_id = {"field": "crmId", "parameter": "crmId_parameter", "operator": "equal"}
    return {name: {"byCrmId": dict(by_crm_id)} for name in _CUSTOM}


def _default_resource_journal_fields() -> dict[str, str]:
    return {"cusMembership": "number", "cusInvoice": "number", "cusInvoiceLine": "label", "cusStore": "name"}


def _default_import_workflows() -> dict[str, dict[str, Any]]:
    return {"WKF201": {"resource": "profile"}}


@dataclass(frozen=True)
class Switches:
    """The sandbox's settings; `PUT /switches` changes any of them while it runs. docs/sandbox.md explains each."""

    # The systems' own clocks, ahead of the sandbox's by so many seconds
    dynamics_clock_offset: float = 0.0
    campaign_clock_offset: float = 0.0

    # Entra and IMS
    entra_token_seconds: int = 3599
    ims_token_seconds: int = 86399
    # Dataverse: change tracking
    change_tracking: dict[str, bool] = field(default_factory=dict)
    expire_change_tracking_days: float = 7.0
    expired_delta_status: int = 400
    tracking_off_status: int = 400
    tracked_query_status: int = 400
    malformed_delta_status: int = 400
    malformed_delta_code: str = "0x80040203"
    delta_version: Literal["start", "end"] = "start"
    recreated_rows: Literal["live", "both"] = "live"
    change_delay_seconds: float = 0.0
    metadata_changed: bool = False
    delta_after_publish: Literal["kept", "expired"] = "kept"
    organization_settings: bool = True
    # Dataverse: queries and writes
    max_page_size: int = 5000
    count_cap: int = 5000
    missing_row_text: Literal["plain", "entity"] = "plain"
    top_with_page_size: Literal["top", "ignored"] = "top"
    entity_id_with_representation: bool = True
    not_a_member: bool = False
    missing_privilege: bool = False
    privileges: dict[str, str] = field(default_factory=dict)
    privileges_told: bool = True
    activity_privileges: Literal["shared", "own"] = "shared"
    numbers_as_strings: bool = False
    account_key: bool = True
    cascade: Literal["delete", "remove_link"] = "delete"
    # Dataverse: activities and batches
    activity_names: dict[str, str] = field(default_factory=dict)
    activity_state_on_create: Literal["accepted", "ignored"] = "accepted"
    batch_limit: int = 1000
    failed_change_set: Literal["single", "nested"] = "single"
    undeclared_bind_code: Literal["0x80048d19", "0x80060888"] = "0x80048d19"
    missing_reference_status: int = 404
    # Dataverse: service protection
    service_protection: bool = False
    limit_requests: int = 6000
    limit_window_seconds: float = 300.0
    limit_execution_seconds: float = 1200.0
    limit_concurrent: int = 52
    operation_seconds: float = 0.0
    concurrent_retry_after: int = 2
    # Campaign
    profile_key: str = "externalId"
    filters: dict[str, dict[str, str]] = field(default_factory=_default_filters)
    resource_keys: dict[str, str] = field(default_factory=_default_resource_keys)
    resource_filters: dict[str, dict[str, dict[str, str]]] = field(default_factory=_default_resource_filters)
    hide_grandchildren: bool = False
    delete_children: bool = False
    empty_filter_parameter: Literal["all", "none"] = "all"
    filter_case_sensitive: bool = True
    email_filter_case_sensitive: bool = False
    big_table_threshold: int = 100_000
    max_line_count: int | None = None
    delete_status: int = 200
    single_item_wrapper: bool = False
    single_item_href: bool = True
    error_shape: Literal["error_code", "code", "text"] = "error_code"
    wrong_body_status: int = 500
    missing_authorization_status: int = 403
    deleted_pkey: Literal["404", "500"] = "404"
    deleted_link: Literal["404", "500"] = "500"
    deny_list_alias: bool = False
    acs_id: bool = True
    null_scalars: Literal["blank", "refuse"] = "blank"
    overlong_strings: Literal["refuse", "truncate"] = "refuse"
    validate_email: bool = True
    smart_case: bool = False
    requests_per_second: float | None = None
    all_channels_stamps: Literal["both", "blackListLastModified", "blackListAllLastModified"] = "both"
    journal_field: str = "cusVersion"
    journal_mark: str = ""
    resource_journal_fields: dict[str, str] = field(default_factory=_default_resource_journal_fields)
    # Campaign: the workflow that exports consent
    export_workflow: str = "WKF123"
    export_every_seconds: float = 86_400.0
    export_signal: str = "signal1"
    export_parameters: dict[str, str] = field(default_factory=dict)
    signal_cool_down_seconds: float = 600.0
    signal_cool_down_status: int = 500
    workflow_answer: Literal["empty", "json"] = "empty"
    workflow_states: dict[str, str] = field(default_factory=dict)
    export_rows: Literal["flags", "profiles"] = "flags"
    export_folder: str = "d365_loads/exports"
    export_name: str = "optout_%Y%m%d_%H%M%S.csv"
    export_columns: dict[str, str | None] = field(default_factory=dict)
    export_header: bool = True
    export_delimiter: str = ","
    export_quote: str = '"'
    export_newline: str = "\n"
    export_encoding: str = "utf-8"
    export_true: str = "1"
    export_false: str = "0"
    export_dates: str = "campaign"
    export_empty_files: bool = False
    export_bytes: int | None = None
    # Campaign: the workflows that import files
    import_workflows: dict[str, dict[str, Any]] = field(default_factory=_default_import_workflows)
    # I/O Events journal
    journal_scope: str = "adobeio_api"
    journal_page_size: int = 100
    journal_max_limit: int | None = None
    journal_response_bytes: int = 1_500_000
    journal_retention_days: float = 7.0
    journal_expiry: Literal["position", "lost"] = "position"
    journal_unknown_position: int = 400
    journal_retry_after: Literal["seconds", "date", "none"] = "seconds"
    journal_retry_after_seconds: float = 10.0
    journal_link_headers: Literal["several", "joined"] = "several"
    journal_link_origin: Literal["relative", "absolute", "foreign"] = "relative"
    journal_link_path: Literal["same", "fast"] = "same"
    journal_all_links: bool = False
    journal_duplicates: float = 0.0
    journal_disorder: int = 0
    journal_dates: Literal["iso", "campaign", "milliseconds"] = "iso"
    journal_enumerations: Literal["labels", "values"] = "labels"
    # SFTP
    sftp_host_key: Literal["first", "other"] = "first"
    sftp_authentication: Literal["granted", "refused"] = "granted"
    sftp_bytes_per_second: float | None = None
    sftp_drop_after_bytes: int | None = None
    sftp_full_at_byte: int | None = None

    def changed(self, given: dict[str, Any]) -> "Switches":
        """A copy with the given switches set; ValueError names one that is unknown or of the wrong kind."""
        known = {entry.name: entry for entry in fields(self)}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{name} is not a switch; GET /switches lists them.")
            _check(name, value, self.__annotations__[name], getattr(type(self)(), name))
        changed = replace(self, **given)
        tables = (*_TABLES, *(changed.activity_names.get(table, table) for table in _ACTIVITIES))
        for table, tracked in changed.change_tracking.items():
            if table not in tables or not isinstance(tracked, bool):
                raise ValueError(
                    f"change_tracking.{table} must name a table ({', '.join(tables)}), and be true or false."
                )
        _check_names(changed.activity_names)
        _check_rules("filters", changed.filters)
        for resource, rules in changed.resource_filters.items():
            _check_rules(f"resource_filters.{resource}", rules)
        if "export_encoding" in given:
            _check_encoding(changed.export_encoding)
        for name, kind in changed.export_parameters.items():
            if kind not in PARAMETER_TYPES:
                raise ValueError(f"export_parameters.{name} must be one of {', '.join(PARAMETER_TYPES)}.")
        _check_imports(changed)
        return changed


def _check_imports(switches: Switches) -> None:
    for id_, given in switches.import_workflows.items():
        if id_ == switches.export_workflow:
            raise ValueError(f"import_workflows.{id_} is the export workflow already.")
        try:
            settings = ImportSettings.from_json(given)
        except ValueError as wrong:
            raise ValueError(f"import_workflows.{id_}: {wrong}") from wrong
        if settings.resource not in ("profile", *_CUSTOM):
            raise ValueError(f"import_workflows.{id_}: resource must be one of profile, {', '.join(_CUSTOM)}.")


def _check_encoding(name: str) -> None:
    try:
        "".encode(name)
    except LookupError as unknown:
        raise ValueError(f"export_encoding: {name} is not an encoding.") from unknown


def _check_names(names: dict[str, str]) -> None:
    for name, given in names.items():
        if not isinstance(given, str) or not given.isidentifier() or given != given.lower():
            raise ValueError(f"activity_names.{name} must be a name of lower-case letters, digits and underscores.")
    tables = {names.get(table, table) for table in _ACTIVITIES}
    if len(tables) < len(_ACTIVITIES) or not tables.isdisjoint(_TABLES):
        raise ValueError("activity_names must leave every table a name of its own.")


def _check_rules(where: str, rules: object) -> None:
    for segment, rule in rules.items() if isinstance(rules, dict) else [("*", None)]:
        if not isinstance(rule, dict) or not {"field", "parameter"} <= rule.keys():
            raise ValueError(f"{where}.{segment} needs `field` and `parameter`.")


def _check(name: str, value: object, kind: Any, default: object) -> None:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}.")
    elif value is None:
        if default is not None:
            raise ValueError(f"{name} cannot be null.")
    elif default is None or (isinstance(default, int | float) and not isinstance(default, bool)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name} must be a number.")
    elif not isinstance(value, type(default)):
        raise ValueError(f"{name} must be of the kind {type(default).__name__}.")
