"""A line of an import file says what the body of a single write says, whatever the values hold."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.ingress import TableMapping
from sync.loading.content import Columns, NotLoadable

MAPPING = TableMapping.model_validate(
    {
        "table": "contact",
        "resource": "profile",
        "key": {"field": "externalId"},
        "fields": [
            {"from": "lastname", "to": "lastName"},
            {"from": "address1_city", "to": "location.city"},
            {"from": "donotemail", "to": "blackListEmail"},
        ],
        "links": [{"from": "parentid", "to": "parentId", "table": "account"}],
    }
)


def body(last_name: object = "Doe", city: object = "Paris", flag: object = False, parent: object = "") -> dict:  # type: ignore[type-arg]
    return {
        "externalId": "a-1",
        "lastName": last_name,
        "location": {"city": city},
        "blackListEmail": flag,
        "parentId": parent,
    }


def test_the_header_names_the_key_the_fields_and_the_links_as_the_mapping_does() -> None:
    assert Columns(MAPPING).header == b"externalId,lastName,location.city,blackListEmail,parentId\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), ("", ""), (True, "true"), (False, "false"), (12, "12"), (-1.5, "-1.5"), (1e-7, "1e-7"),
        ("1990-01-31", "1990-01-31"), ("2026-11-01 10:00:00.000Z", "2026-11-01 10:00:00.000Z"),
        ("O'Neil", "O'Neil"), ("Doe, Jane", '"Doe, Jane"'), ('the "one"', '"the ""one"""'),
        ("two\nlines", '"two\nlines"'), ("a\rb", '"a\rb"'),
        (" blank", '" blank"'), ("blank ", '"blank "'), ("Zoë", "Zoë"),
    ],
)  # fmt: skip
def test_values_stand_as_in_the_body_in_quotes_where_they_need_them(value: object, text: str) -> None:
    assert Columns(MAPPING).line(body(value)) == f"a-1,{text},Paris,false,\n".encode()


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=3, max_size=3))
def test_any_text_is_read_as_it_was_written(texts: list[str]) -> None:
    line = Columns(MAPPING).line(body(texts[0], texts[1], True, texts[2])).decode()
    assert list(csv.reader(io.StringIO(line, newline=""))) == [["a-1", texts[0], texts[1], "true", texts[2]]]


def test_a_record_that_says_nothing_of_a_column_is_not_loadable() -> None:
    for name in ("lastName", "location"):
        told = body()
        del told[name]
        with pytest.raises(NotLoadable):
            Columns(MAPPING).line(told)


def test_a_link_by_pkey_is_not_loadable() -> None:
    with pytest.raises(NotLoadable):
        Columns(MAPPING).line(body(parent={"PKey": "@x"}))
