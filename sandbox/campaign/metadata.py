"""Descriptions of resources: `resourceType/<name>`, `<name>/metadata`, their filters, and the list of custom ones."""

import hashlib
from typing import Any

from sandbox.campaign.definitions import PLAIN, Definition
from sandbox.campaign.fields import Field
from sandbox.campaign.filters import built_in
from sandbox.campaign.instance import Instance
from sandbox.campaign.profile import LOCATION
from sandbox.campaign.resource import Resource


def description_pkey(definition: Definition) -> str:
    """The PKey of a resource's description."""
    return "@" + hashlib.blake2b(f"resourceType {definition.name}".encode(), digest_size=20).hexdigest()


def list_custom(instance: Instance, root: str, api: str) -> dict[str, Any]:
    """The custom resources of an API, by name. `root` is the absolute URL of the API."""
    listed: dict[str, Any] = {"apiName": "resourceType"}
    for name, resource in instance.resources.items():
        if api in resource.definition.apis and name.startswith("cus"):
            listed[name] = {
                "content": {},
                "data": f"/{api}/{name}/",
                "help": resource.definition.label,
                "href": f"{root}/{name}/metadata",
                "name": name,
                "type": "collection",
            }
    return listed


def describe(definition: Definition, root: str, api: str) -> dict[str, Any]:
    """One resource as an API takes and shows it. `root` is the absolute URL of the API."""
    pkey, name = description_pkey(definition), definition.name
    content = {field.name: _field(field) for field in definition.fields.values() if api != PLAIN or not field.extension}
    content["PKey"] = _field(Field("PKey", "string", 255, read_only=True))
    return {
        "PKey": pkey,
        "apiName": "resourceType",
        "compatibleResources": {name: definition.label},
        "content": content,
        "data": f"/{api}/{name}/",
        "filters": {"href": f"{root}/resourceType/{pkey}/filters/"},
        "help": "Identified profiles" if name == "profile" else definition.label,
        "href": f"{root}/{name}/metadata",
        "label": definition.label,
        "mandatory": False,
        "name": name,
        "pkgStatus": "never",
        "readOnly": False,
        "schema": definition.schema,
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
        "mandatory": field.mandatory,
        "metadata": "attribute",
        "privacy": "firstParty",
        "queryable": True,
        "readOnly": field.read_only,
        "resName": field.name,
        "resType": "string" if field.type == "enumeration" else field.type,
        "sortable": field.is_scalar,
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
        described["content"] = {name: _field(Field(name, "string", 255)) for name in LOCATION}
    return described


def describe_filters(resource: Resource, api: str) -> dict[str, Any]:
    """The built-in filters, and beside them, not on the plain API, the declared ones."""
    described: dict[str, Any] = {}
    declared = {name: (rule["parameter"],) for name, rule in resource.rules.items()}
    for name, parameters in {**built_in(resource), **(declared if api != PLAIN else {})}.items():
        template = "&".join(f"{parameter}=$value" for parameter in parameters)
        described[name] = {
            "PKey": f"@filter{name}",
            "category": "99_none",
            "condition": [],
            "data": f"/{api}/{resource.definition.name}/{name}?{template}",
            "formType": "none",
            "fragmentName": "",
            "label": name,
            "metadata": {parameter: {"name": parameter, "type": "string"} for parameter in parameters},
            "resName": name,
            "webPage": None,
            "webPageName": "",
        }
    return described
