"""PKeys of parents, asked for when a child is to be linked.

Campaign's PKeys are not to be stored (experienceleague.adobe.com, Campaign Standard: must-read, resource keys): they
live for a minute in the memory of the process that asked, so that the lines of one invoice ask once.
"""

import time
from collections import OrderedDict
from threading import Lock

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.errors import Refused
from sync.streams import Allowance

#: Seconds for which a PKey is remembered, and how many at most.
REMEMBERED_SECONDS, MOST_REMEMBERED = 60.0, 10_000


class ParentKeys:
    """Shared by all threads of a writer."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._known: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def remembered(self, resource: str, record_id: str) -> str | None:
        """The PKey, if it was asked for within the last minute."""
        with self._lock:
            pkey, asked_at = self._known.get((resource, record_id), ("", 0.0))
        return pkey if pkey and time.monotonic() - asked_at < REMEMBERED_SECONDS else None

    def ask(self, resource: str, key: CampaignKey, record_id: str, allowance: Allowance) -> str:
        """Asks Campaign. Raises Refused if the parent is not there, or is there twice."""
        found = self._campaign.find(resource, key, record_id, allowance())
        if len(found) != 1:
            wrong = "is not there any more" if not found else f"is there {len(found)} times"
            raise Refused(
                "campaign",
                f"{resource}: the record that this one links to was written, but {wrong}; replay its table, then this "
                "one's",
                code="parent",
            )
        with self._lock:
            self._known[resource, record_id] = (found[0], time.monotonic())
            self._known.move_to_end((resource, record_id))
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found[0]

    def forget(self, resource: str, record_id: str) -> None:
        with self._lock:
            self._known.pop((resource, record_id), None)
