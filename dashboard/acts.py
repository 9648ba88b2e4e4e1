"""The buttons: each is a form that is posted here, and leads back to the page that it stood on."""

from control.errors import PrivacyNotAcknowledged
from control.opening import workflow_of
from control.privacy import STATEMENT
from dashboard.deeds import DEEDS, Asked
from dashboard.page import FORESEEN, Page

#: Fields of the forms that are not the deed's own.
_OURS = ("_xsrf", "why", "back")

LONGEST_WHY = 500


class Act(Page):
    async def get(self, name: str, verb: str) -> None:
        """Somebody came back to an address that was posted to."""
        self.redirect(self.reverse_url("workflow", name))

    async def post(self, name: str, verb: str) -> None:
        workflow_of(self.store, name)
        why = self.form("why").strip()[:LONGEST_WHY]
        fields = {field: self.form(field) for field in self.request.body_arguments if field not in _OURS}
        asked = Asked(self.store_of_visitor, name, self.visitor.by, why, fields)
        try:
            self.notice(await self.call(DEEDS[verb], asked))
        except PrivacyNotAcknowledged:
            self.show("workflow-privacy.html", workflow=name, verb=verb, why=why, statement=STATEMENT)
            return
        except FORESEEN as error:
            self.notice(str(error), went_well=False)
        self.redirect(self._back(name), status=303)

    def _back(self, name: str) -> str:
        """The page that the button stood on; one of ours, whatever the form says."""
        if self.form("back") == "all":
            return f"{self.reverse_url('workflows')}#{name}"
        if self.form("back") == "letters":
            return self.letters_url(name, self.form("stream"), self.form("cause"))
        return self.reverse_url("workflow", name)
