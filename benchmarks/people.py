"""Made-up contacts, as a reader would have put them on the queue."""

import uuid

import orjson

from store.record_queue import Change


def contacts(count: int) -> list[Change]:
    """Contacts with fresh ids and the columns of the default mapping."""
    return [_contact(str(uuid.uuid4()), number) for number in range(count)]


def _contact(record_id: str, number: int) -> Change:
    values = {
        "emailaddress1": f"ann.example.{number}@example.com",
        "firstname": "Ann",
        "lastname": f"Example {number}",
        "middlename": None,
        "salutation": "Ms",
        "birthdate": "1980-05-07",
        "telephone1": f"+4420{number:08d}",
        "mobilephone": f"+4477{number:08d}",
        "fax": None,
        "address1_line1": f"{number} Main Street",
        "address1_line2": None,
        "address1_city": "Orlando",
        "address1_postalcode": "32801",
    }
    return Change(record_id, 2_000_000_000 + number, orjson.dumps(values))
