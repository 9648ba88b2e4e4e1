"""The profile resource: its fields (experienceleague.adobe.com, Campaign Standard: profile data model), and those that
are computed from others.
"""

import base64
from datetime import date
from typing import Any

from sandbox.campaign.fields import Field, text

FLAGS = (
    "blackList",
    "blackListEmail",
    "blackListFax",
    "blackListMobile",
    "blackListPhone",
    "blackListPostalMail",
    "blackListPushnotification",
    "ccpaOptOut",
)

# Push notification has no stamp of its own; the flag for all channels has two.
STAMPS_OF_FLAG = {
    "blackList": ("blackListLastModified", "blackListAllLastModified"),
    **{name: (f"{name}LastModified",) for name in FLAGS if name not in ("blackList", "blackListPushnotification")},
    "blackListPushnotification": (),
}

DENY_LIST_ALIASES = {name.replace("blackList", "denyList"): name for name in FLAGS if name.startswith("blackList")}

LANGUAGES = (
    "none",
    "de_de",
    "en_gb",
    "en_us",
    "es_es",
    "fr_ca",
    "fr_fr",
    "it_it",
    "ja_jp",
    "nl_nl",
    "pt_br",
    "pt_pt",
)
# One text reads better than a column of literals.
_ZONES = (
    "none GMT Africa_Luanda America_Anchorage America_Bogota America_Buenos_Aires America_Chicago America_Denver "
    "America_Halifax America_Los_Angeles America_Mexico_City America_New_York America_Phoenix America_Sao_Paulo "
    "America_St_Johns Asia_Bangkok Asia_Dhaka Asia_Jerusalem Asia_Kabul Asia_Karachi Asia_Katmandu Asia_Kolkata "
    "Asia_Muscat Asia_Riyadh Asia_Seoul Asia_Shanghai Asia_Taipei Asia_Tehran Asia_Tokyo Atlantic_Azores "
    "Australia_Adelaide Australia_Canberra Australia_Darwin Europe_Athens Europe_Berlin Europe_Bucharest "
    "Europe_Helsinki Europe_London Europe_Moscow Europe_Paris Europe_Prague Europe_Sarajevo Pacific_Auckland "
    "Pacific_Honolulu"
)
TIME_ZONES = tuple(_ZONES.split())

LOCATION = ("address1", "address2", "address3", "address4", "city", "countryCode", "stateCode", "zipCode")
BLANK_LOCATION = dict.fromkeys(LOCATION, "")
THUMBNAIL = "/nl/img/thumbnails/defaultProfil.png"

PROFILE: tuple[Field, ...] = (
    Field("acsId", "string", 36, read_only=True, extension=True),
    Field("age", "long", read_only=True),
    Field("birthDate", "date"),
    *(Field(name, "boolean") for name in FLAGS),
    *(Field(stamp, "datetime", read_only=True) for stamps in STAMPS_OF_FLAG.values() for stamp in stamps),
    Field("created", "datetime", read_only=True),
    *text(255, "cryptedId", "domain", "title", read_only=True),
    *text(128, "email", policy="email"),
    Field("emailFormat", "enumeration", values=("unknown", "text", "html")),
    *text(100, "externalId"),
    *text(32, "fax", "mobilePhone", "phone"),
    *text(30, "firstName", "middleName", policy="smartCase"),
    *text(50, "lastName", policy="smartCase"),
    Field("gender", "enumeration", values=("unknown", "male", "female")),
    Field("isExternal", "boolean", read_only=True),
    Field("lastModified", "datetime", read_only=True),
    Field("location", "element"),
    Field("postalAddress", "element", read_only=True),
    Field("preferredLanguage", "enumeration", values=LANGUAGES),
    *text(20, "salutation"),
    Field("subscriptions", "collection", read_only=True, target="subscription"),
    *text(255, "thumbnail"),
    Field("timeZone", "enumeration", 64, values=TIME_ZONES),
    Field("orgUnit", "link", extension=True, target="orgUnitBase"),
    Field("geoUnit", "link", extension=True, target="geoUnitBase"),
    Field("cusCrmId", "string", 255, extension=True),
    Field("cusVersion", "string", 255, extension=True),
    Field("cusJobTitle", "string", 255, extension=True),
    Field("cusLoyaltyPoints", "long", extension=True),
    Field("cusIncome", "double", extension=True),
    Field("cusVip", "boolean", extension=True),
    Field("cusMemberSince", "date", extension=True),
    Field("cusLastSeen", "datetime", extension=True),
    Field("cusSegment", "enumeration", values=("none", "bronze", "silver", "gold"), extension=True),
    Field("cusMembershipslink", "collection", read_only=True, extension=True, target="cusMembership", back="holder"),
    Field("cusSponsoredlink", "collection", read_only=True, extension=True, target="cusMembership", back="sponsor"),
)


def computed(shown: dict[str, Any], secret: bytes, today: date) -> dict[str, Any]:
    """The values that a profile has from its others."""
    email = str(shown.get("email", ""))
    return {
        "age": _age(str(shown.get("birthDate", "")), today),
        "cryptedId": base64.b64encode(secret[60:114]).decode(),
        "domain": email.rpartition("@")[2] if email else "",
        "postalAddress": _postal_address(shown),
        "title": f"{shown.get('firstName', '')} {shown.get('lastName', '')} ({email})",
    }


def _age(birth_date: str, today: date) -> int:
    if not birth_date:
        return 0
    born = date.fromisoformat(birth_date)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _postal_address(shown: dict[str, Any]) -> dict[str, Any]:
    place = shown["location"]
    names = (shown.get("salutation", ""), shown.get("firstName", ""), shown.get("lastName", "").upper())
    lines = [
        " ".join(part for part in names if part),
        *(place[f"address{number}"].upper() for number in (1, 2, 3, 4)),
        " ".join(part for part in (place["zipCode"], place["city"].upper()) if part),
    ]
    return {
        "addrDefined": False,
        "addrErrorCount": 0,
        "addrLastCheck": "",
        "addrQuality": "0",
        **{f"line{number}": line for number, line in enumerate(lines, 1)},
        "serialized": "\n".join(lines),
    }
