"""The mapping that exists out of the box: Dynamics contacts to Campaign profiles."""

from config.ingress import CampaignKey, FieldMapping, TableMapping

# Picklists such as gendercode are not here: Dynamics counts what Campaign names, which takes a choice of values.
_CONTACT_TO_PROFILE = (
    ("emailaddress1", "email"),
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("middlename", "middleName"),
    ("salutation", "salutation"),
    ("birthdate", "birthDate"),
    ("telephone1", "phone"),
    ("mobilephone", "mobilePhone"),
    ("fax", "fax"),
    ("address1_line1", "location.address1"),
    ("address1_line2", "location.address2"),
    ("address1_city", "location.city"),
    ("address1_postalcode", "location.zipCode"),
)


def default_contact_mapping() -> TableMapping:
    """contact -> profile; the contact's id is the key and stands in externalId."""
    return TableMapping(
        table="contact",
        resource="profile",
        key=CampaignKey(field="externalId"),
        fields=tuple(FieldMapping(source=source, target=target) for source, target in _CONTACT_TO_PROFILE),
    )
