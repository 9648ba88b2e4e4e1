"""What happens in both systems meanwhile: rows change, come and go, emails are sent, people change their minds."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from tests.end_to_end import consent_truth
from tests.end_to_end.consent_chaos import CARRIED
from tests.end_to_end.consent_truth import wire
from tests.storm.town import PAIRS, Town

CHILDREN = ("new_membership", "new_invoice", "new_invoiceline")

#: Changes of consent that people make in a storm, and how many of them in a second.
MINDS, PACE = 60, 12

#: Emails of the campaign that is over when a storm begins, and of each one later: at least, and at most. The least of
#: them bring the activities that every storm must have.
OVER, LATER = (50, 70), (10, 40)
#: The share of emails that go to people of whom Dynamics knows nothing.
NOBODY = 0.08

#: Of the live contacts the first ones, and those that came last, change when most of what there is does.
FIRST, NEWEST = 40, 60


class People:
    def __init__(self, town: Town, chance: Random) -> None:
        self._town, self._admin = town, town.admin
        self._chance = chance
        self._live = list(town.live)  #: contacts that nobody has deleted
        self.done: Counter[str] = Counter()

    @property
    def hot(self) -> list[str]:
        """Those that change again and again."""
        return self._live[:12]

    def begin(self) -> None:
        """A campaign was over, and one that reached nobody of whom Dynamics knows: the first may not have."""
        self._admin.put("/switches", {"journal_duplicates": 0.2, "journal_disorder": 20, "journal_max_limit": 40})
        self.send(OVER)
        self._town.events.campaign(sends=2, seed=1, campaign="Nobody", recipients=self._town.quiet, unknown=1.0)

    def change_minds(self, seed: int, changes: int, rate: int) -> None:
        """So many people change their minds, so many a second."""
        pairs = [{**pair, "campaign": wire(pair["campaign"])} for pair in map(consent_truth.bare, PAIRS)]
        # What ingress carries is changed in Dynamics alone: nobody would set right what people do to it in Campaign.
        for side, ids, paired, share in (
            ("both", self._town.people[:15], pairs, 2),
            ("dynamics", self._town.people[15:26], [*pairs, CARRIED], 1),
        ):
            plan = {"side": side, "ids": ids, "pairs": paired, "conflicts": 0.3 * (side == "both"), "seed": seed}
            self._admin.post("/consent/changes", {**plan, "changes": changes * share // 3, "rate": rate * share / 3})

    def send(self, between: tuple[int, int] = LATER) -> None:
        """A campaign, to people who stay and to some of whom Dynamics knows nothing."""
        self.done["campaigns"] += 1
        self._town.events.campaign(
            sends=self._chance.randint(*between),
            seed=self._chance.randrange(10**6),
            campaign=f"Camp{self.done['campaigns']}",
            recipients=[*self._town.quiet, *self._town.people],
            unknown=NOBODY,
            late_bounces=0.1,
        )

    def change(self, many: int = 6) -> None:
        """Contacts change, most of them those that always do; so do rows of another table."""
        some = [*self._chance.sample(self.hot, min(many, len(self.hot))), *self._chance.sample(self._live, many // 3)]
        self._post("contact/change", ids=[*dict.fromkeys(some)])
        self._post(f"{self._chance.choice(CHILDREN)}/change", count=many)
        self.done["changes"] += 1

    def flood(self, tables: Sequence[str] = ("contact", *CHILDREN)) -> None:
        """Most of what there is changes at once."""
        for table in tables:
            self._post(f"{table}/change", **({"ids": self._live} if table == "contact" else {"count": 20}))
        self.done["floods"] += 1

    def come_and_go(self) -> None:
        """New rows on all levels below contacts, other parents, and deletions that take families along."""
        for table in CHILDREN:
            self._post(f"{table}/create", count=3)
        self._town.free_of_children()
        table = self._chance.choice(("contact", *CHILDREN))
        if table == "contact" and len(self._live) > 20:
            doomed = self._chance.sample(self._live[12:], 1)
            self._live = [contact for contact in self._live if contact not in doomed]
            self._post("contact/delete", ids=doomed)
        else:
            self._post(f"{self._chance.choice(CHILDREN)}/delete", count=2)
        memberships = sorted(self._admin.rows("new_membership"))
        for membership in self._chance.sample(memberships, 2):
            to = f"/contacts({self._chance.choice(self._live)})"
            moved = {"new_ContactId@odata.bind": to, "new_SponsorId@odata.bind": None}
            self._admin.patch(f"/dynamics/tables/new_membership/{membership}", moved)
        self.done["rows come and go"] += 1

    def arrive(self, many: int = 20) -> None:
        """Many new contacts at once."""
        before = self._admin.contacts().keys()
        self._post("contact/create", count=many)
        # The newest change again and again, too, while they may be in a file; not all that ever came.
        self._live = (
            self._live[:FIRST] + [*self._live[FIRST:], *sorted(self._admin.contacts().keys() - before)][-NEWEST:]
        )
        self.done["arrivals"] += 1

    def export(self) -> None:
        """Campaign's workflow writes a file of changed flags."""
        self._admin.post("/consent/export")
        self.done["exports"] += 1

    def _post(self, what: str, **body: object) -> None:
        self._admin.post(f"/dynamics/tables/{what}", {"seed": self._chance.randrange(10**6), **body})
