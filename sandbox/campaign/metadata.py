"""Descriptions of resources: `resourceType/profile`, `profile/metadata`, and the filters of a resource."""

from typing import Any

from sandbox.campaign.fields import LOCATION, PROFILE, Field, is_sortable
from sandbox.campaign.filters import BUILT_IN
from sandbox.campaign.profiles import Profiles

RESOURCE_PKEY = "@9p7jc2YxPsQ0sandboxProfileResourceTypeKey"


def describe_profile(root: str, api: str) -> dict[str, Any]:
    """`root` is the absolute URL of the API."""
    extended = api == "profileAndServicesExt"
    content = {
        field.name: _field(field) for field in PROFILE if extended or not (field.extension or field.name == "acsId")
    }
    content["PKey"] = _field(Field("PKey", "string", 255, read_only=True))
    return {
        "PKey": RESOURCE_PKEY,
        "apiName": "resourceType",
        "compatibleResources": {"profile": "Profiles"},
        "content": content,
        "data": f"/{api}/profile/",
        "filters": {"href": f"{root}/resourceType/{RESOURCE_PKEY}/filters/"},
        "help": "Identified profiles",
        "href": f"{root}/profile/metadata",
        "label": "Profiles",
        "mandatory": False,
        "name": "profile",
        "pkgStatus": "never",
        "readOnly": False,
        "schema": "nms:recipient",
        "type": "item",
    }


def _field(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {
        "PKey": f"@field{field.name}",
        "apiName": field.name,
        "category": "99_none",
        "dataPolicy": field.data_policy or "none",
        "desc": "",
        "displayFormat": "none",
        "help": "",
        "label": field.name[0].upper() + field.name[1:],
        "lazyLoaded": False,
        "length": str(field.length or 0),
        "mandatory": False,
        "metadata": "attribute",
        "privacy": "firstParty",
        "queryable": True,
        "readOnly": field.read_only,
        "resName": field.name,
        "resType": "string" if field.type == "enumeration" else field.type,
        "sortable": is_sortable(field),
        "type": field.type,
    }
    if field.type in ("link", "collection"):
        described["resTarget"] = field.target
    if field.values:
        described["values"] = {
            name: {"name": name, "label": name.replace("_", " ").capitalize(), "value": str(number)}
            for number, name in enumerate(field.values)
        }
    if field.name == "location":
        described["content"] = _location()
    return described


def _location() -> dict[str, Any]:
    return {name: _field(Field(name, "string", 255)) for name in LOCATION}


def describe_filters(profiles: Profiles, api: str) -> dict[str, Any]:
    described: dict[str, Any] = {}
    declared = {name: (rule["parameter"],) for name, rule in profiles.switches.filters.items()}
    for name, parameters in {**BUILT_IN, **(declared if api == "profileAndServicesExt" else {})}.items():
        template = "&".join(f"{parameter}=$value" for parameter in parameters)
        described[name] = {
            "PKey": f"@filter{name}",
            "category": "99_none",
            "condition": [],
            "data": f"/{api}/profile/{name}?{template}",
            "formType": "none",
            "fragmentName": "",
            "label": name,
            "metadata": {parameter: {"name": parameter, "type": "string"} for parameter in parameters},
            "resName": name,
            "webPage": None,
            "webPageName": "",
        }
    return described
