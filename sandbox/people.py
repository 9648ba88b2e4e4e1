"""Made-up people and companies: the same generator makes the same values."""

import random
import unicodedata
import uuid
from functools import cache

from sandbox.clock import dataverse_stamp

# One text reads better than a column of literals.
_FEMALE = "Ada Aisha Alma Amina Anna Beatriz Chloé Clara Dana Elif Emma Fatima Freya Grace Hanna Ines Iris Jana"
_MALE = "Adam Ali Ben Carlos David Diego Emil Erik Felix Finn Hugo Ivan Jakob Jonas Kenji Leon Liam Luis Mateo"
_LAST = (
    "Abe Almeida Andersen Bauer Becker Bianchi Brown Costa Díaz Dubois Ferrari Fischer García Hansen Ito Jansen "
    "Johnson Kaya Kim Kowalski Larsen Lindqvist López Martin Meyer Müller Nakamura Nguyen Novák O'Brien Okafor "
    "Özdemir Patel Petrov Rossi Sato Schmidt Silva Singh Smith Suzuki Tanaka Virtanen Walker Weber Wójcik Żak"
)
FEMALE, MALE, LAST = _FEMALE.split(), _MALE.split(), _LAST.split()
PLACES = (
    ("Lisboa", "", "1100-148", "Portugal"),
    ("Orlando", "FL", "32801", "United States"),
    ("Austin", "TX", "78701", "United States"),
    ("München", "Bayern", "80331", "Germany"),
    ("Lyon", "", "69001", "France"),
    ("Leeds", "", "LS1 4AP", "United Kingdom"),
    ("Osaka", "", "530-0001", "Japan"),
    ("Toronto", "ON", "M5H 2N2", "Canada"),
)
STREETS = ("Main Street", "Mill Lane", "Rua do Ouro", "Lindenweg", "Harbour Road", "Rue de la Gare", "Station Road")
JOBS = ("Buyer", "Chief of Staff", "Developer", "Head of Sales", "Marketing Manager", "Nurse", "Owner", "Teacher")
COMPANIES = ("Northwind", "Adatum", "Litware", "Proseware", "Tailspin", "Fabrikam", "Wingtip", "Lucerne")
TRADES = ("Traders", "Publishing", "Toys", "Bakeries", "Logistics", "Energy", "Foods", "Studios")

EARLIEST = 1_609_459_200  # 2021-01-01
SPAN = 4 * 365 * 86_400

Values = dict[str, object]
Rows = dict[str, Values]


def new_id(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


def stamps(source: random.Random, user: str) -> Values:
    """When a row was made and last changed, and by whom."""
    created = EARLIEST + source.randrange(SPAN)
    modified = created + source.randrange(SPAN // 8)
    return {
        "createdon": dataverse_stamp(created),
        "modifiedon": dataverse_stamp(modified),
        "_createdby_value": user,
        "_modifiedby_value": user,
        "_ownerid_value": user,
        "_owninguser_value": user,
    }


def _address(source: random.Random) -> Values:
    city, state, code, country = source.choice(PLACES)
    address: Values = {
        "address1_line1": f"{source.randrange(1, 250)} {source.choice(STREETS)}",
        "address1_city": city,
        "address1_postalcode": code,
        "address1_country": country,
    }
    if state:
        address["address1_stateorprovince"] = state
    return address


def contact_values(source: random.Random, number: int, account_ids: list[str]) -> Values:
    """The written columns of one made-up contact; `number` makes the email address unique."""
    female = source.random() < 0.5
    first = source.choice(FEMALE if female else MALE)
    last = source.choice(LAST)
    values: Values = {
        "firstname": first,
        "lastname": last,
        "emailaddress1": f"{_ascii(first)}.{_ascii(last)}.{number}@example.com",
        "telephone1": f"+1 555 {source.randrange(10_000_000):07d}",
        "mobilephone": f"+447700{source.randrange(1_000_000):06d}",
        "jobtitle": source.choice(JOBS),
        "birthdate": f"{source.randrange(1945, 2006)}-{source.randrange(1, 13):02d}-{source.randrange(1, 29):02d}",
        "gendercode": 2 if female else 1,
        "familystatuscode": source.randrange(1, 5),
        "preferredcontactmethodcode": source.randrange(1, 6),
        "numberofchildren": source.randrange(4),
        "donotemail": source.random() < 0.1,
        "donotbulkemail": source.random() < 0.15,
        "donotphone": source.random() < 0.1,
        "donotpostalmail": source.random() < 0.05,
    }
    values |= _address(source)
    if source.random() < 0.3:
        values["annualincome"] = float(source.randrange(20_000, 180_000, 500))
    if account_ids and source.random() < 0.5:
        values["_parentcustomerid_value"] = source.choice(account_ids)
        values["_parentcustomerid_value@table"] = "account"
    return values


@cache
def _ascii(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in folded.lower() if letter.isascii() and letter.isalpha())


def account_values(source: random.Random, number: int, _: list[str]) -> Values:
    """The written columns of one made-up company."""
    return {
        "name": f"{source.choice(COMPANIES)} {source.choice(TRADES)} {number}",
        "accountnumber": f"ACC-{number:06d}",
        "emailaddress1": f"office.{number}@example.com",
        "telephone1": f"+1 555 {source.randrange(10_000_000):07d}",
        "numberofemployees": source.randrange(1, 5_000),
        "revenue": float(source.randrange(100_000, 90_000_000, 1_000)),
        "industrycode": source.randrange(1, 6),
        **_address(source),
    }
