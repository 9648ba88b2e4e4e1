"""The mapping that exists out of the box: Dynamics contacts to Campaign profiles."""

from config.filters import Scalar
from config.ingress import CampaignKey, FieldMapping, TableMapping

_CONTACT_TO_PROFILE = (
    ("emailaddress1", "email"),
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("middlename", "middleName"),
    ("salutation", "salutation"),
    ("gendercode", "gender"),
    ("birthdate", "birthDate"),
    ("telephone1", "phone"),
    ("mobilephone", "mobilePhone"),
    ("fax", "fax"),
    ("address1_line1", "location.address1"),
    ("address1_line2", "location.address2"),
    ("address1_city", "location.city"),
    ("address1_postalcode", "location.zipCode"),
)

# Dynamics counts what Campaign names.
_REPLACE: dict[str, dict[str, Scalar]] = {"gendercode": {"1": "male", "2": "female", "": "unknown"}}


def default_contact_mapping() -> TableMapping:
    """contact -> profile; the contact's id is the key and stands in externalId."""
    return TableMapping(
        table="contact",
        resource="profile",
        key=CampaignKey(field="externalId"),
        fields=tuple(
            FieldMapping(source=source, target=target, replace=_REPLACE.get(source, {}))
            for source, target in _CONTACT_TO_PROFILE
        ),
    )
