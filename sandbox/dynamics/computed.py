"""Columns that the platform fills from others: full names, whole addresses, amounts in the base currency."""

CURRENCY_ID = "c0ffee00-0000-4000-8000-00000000cafe"


def compute(table: str, values: dict[str, object], money: tuple[str, ...]) -> None:
    """Fill the computed columns from the written ones; `money` are the table's written money columns."""
    if table in ("contact", "account"):
        for composite, parts in _COMPOSITES.items():
            lines = composed_address(*map(values.get, parts))
            if lines:
                values[composite] = lines
            elif composite in values:
                del values[composite]
    for name in money:
        if name in values:
            values.setdefault("exchangerate", 1.0)
            values.setdefault("_transactioncurrencyid_value", CURRENCY_ID)
            values[f"{name}_base"] = values[name]
        else:
            values.pop(f"{name}_base", None)
    if table == "contact":
        names = [str(values[name]) for name in ("firstname", "middlename", "lastname") if values.get(name)]
        if names:
            values["fullname"] = " ".join(names)
        else:
            values.pop("fullname", None)
        parent = values.get("_parentcustomerid_value")
        is_account = values.get("_parentcustomerid_value@table") == "account"
        for wire, wanted in (("_accountid_value", is_account), ("_parentcontactid_value", not is_account)):
            if parent and wanted:
                values[wire] = parent
            else:
                values.pop(wire, None)


_COMPOSITES = {
    f"address{block}_composite": tuple(
        f"address{block}_{name}"
        for name in ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country")
    )
    for block in (1, 2, 3)
}


def composed_address(*parts: object) -> str:
    """Lines, town with state and code, country, as the platform joins them."""
    line1, line2, line3, city, state, code, country = parts
    place = f"{state} {code}" if state and code else state or code
    town = f"{city}, {place}" if city and place else city or place
    return "\r\n".join([str(part) for part in (line1, line2, line3, town, country) if part])
