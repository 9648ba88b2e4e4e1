"""To whom a made-up campaign goes."""

import random
from collections.abc import Mapping

from sandbox.events.mailing import Recipient
from sandbox.events.plan import CampaignPlan
from sandbox.events.seal import Seal
from sandbox.events.texts import unknown_recipient


def recipients_of(
    plan: CampaignPlan, contacts: Mapping[str, str], profiles: list[tuple[str, str]], seal: Seal
) -> list[Recipient]:
    """In random order. `contacts`: email by id; `profiles`: (external id, email); ValueError if there is nobody."""
    source = random.Random(f"{plan.seed}:recipients")
    if isinstance(plan.recipients, list):
        people = [(name, contacts.get(name, "")) for name in plan.recipients]
    else:
        people = profiles if plan.recipients == "profiles" else list(contacts.items())
    if not people:
        raise ValueError("There is nobody to write to: create contacts or profiles first, or name ids in recipients.")
    found = []
    for number, (name, email) in enumerate(people):
        luck = source.random()
        if luck < plan.unknown:
            found.append(unknown_recipient(number, seal, True))
        elif luck < plan.unknown + plan.without_id:
            found.append(unknown_recipient(number, seal, False))
        else:
            found.append(Recipient(name, email, name.lower() in contacts))
    source.shuffle(found)
    return found
