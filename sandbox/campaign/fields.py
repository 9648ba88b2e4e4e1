"""The fields of the profile resource (experienceleague.adobe.com, Campaign Standard: profile data model)."""

from dataclasses import dataclass

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

_BLANK: dict[str, object] = {
    "string": "",
    "date": "",
    "datetime": "",
    "boolean": False,
    "long": 0,
    "double": 0,
    "link": None,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `values` names an enumeration's values, its default first; `extension`: on the Ext API only."""

    name: str
    type: str
    length: int | None = None
    values: tuple[str, ...] = ()
    read_only: bool = False
    extension: bool = False
    data_policy: str = ""
    target: str = ""

    @property
    def blank(self) -> object:
        """What an unset value reads as."""
        return self.values[0] if self.type == "enumeration" else _BLANK.get(self.type, "")


def is_sortable(field: Field) -> bool:
    return field.type not in ("link", "collection", "element")


def _text(length: int, *names: str, policy: str = "", read_only: bool = False) -> list[Field]:
    return [Field(name, "string", length, data_policy=policy, read_only=read_only) for name in names]


PROFILE: tuple[Field, ...] = (
    *_text(36, "acsId", read_only=True),
    Field("age", "long", read_only=True),
    Field("birthDate", "date"),
    *(Field(name, "boolean") for name in FLAGS),
    *(Field(stamp, "datetime", read_only=True) for stamps in STAMPS_OF_FLAG.values() for stamp in stamps),
    Field("created", "datetime", read_only=True),
    *_text(255, "cryptedId", "domain", "title", read_only=True),
    *_text(128, "email", policy="email"),
    Field("emailFormat", "enumeration", values=("unknown", "text", "html")),
    *_text(100, "externalId"),
    *_text(32, "fax", "mobilePhone", "phone"),
    *_text(30, "firstName", "middleName", policy="smartCase"),
    *_text(50, "lastName", policy="smartCase"),
    Field("gender", "enumeration", values=("unknown", "male", "female")),
    Field("isExternal", "boolean", read_only=True),
    Field("lastModified", "datetime", read_only=True),
    Field("location", "element"),
    Field("postalAddress", "element", read_only=True),
    Field("preferredLanguage", "enumeration", values=LANGUAGES),
    *_text(20, "salutation"),
    Field("subscriptions", "collection", read_only=True, target="subscription"),
    *_text(255, "thumbnail"),
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
)

FIELDS = {field.name: field for field in PROFILE}
BLANK_LOCATION = dict.fromkeys(LOCATION, "")
BLANKS: dict[str, object] = {
    **{field.name: field.blank for field in PROFILE if field.type not in ("element", "collection")},
    "location": BLANK_LOCATION,
    "thumbnail": "/nl/img/thumbnails/defaultProfil.png",
}
EXTENSION = ("acsId", *(field.name for field in PROFILE if field.extension))
