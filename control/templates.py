"""What `workflow edit` opens before anything is saved: a text to change, with the connections that others have."""

from config.connections import Connections
from config.document import Document, dump
from control.configuration import export
from control.errors import NoConfiguration
from control.opening import workflow_of
from store.store import Store

_SYSTEMS = """\
connections:
  dynamics:
    url: https://contoso.crm.dynamics.com
    tenant: contoso.onmicrosoft.com
    client_id: 11111111-2222-3333-4444-555555555555
    client_secret: ${env:DYNAMICS_CLIENT_SECRET}
  campaign:
    url: https://mc.adobe.io/contoso
    client_id: 0123456789abcdef0123456789abcdef
    client_secret: ${env:CAMPAIGN_CLIENT_SECRET}
    org_id: 0123456789ABCDEF01234567@AdobeOrg
"""

#: Events are read in the journal unless something else is said.
_JOURNAL = """\
  journal:
    url: https://events-va6.adobe.io/events/organizations/23294/integrations/54108/f89067f2-0d50-4bb2-bf78-209d0eacb6eb
"""

_EGRESS = """\
egress:
  source: journal                # or: files, with connections.sftp
  events: {sends: true, opens: true, clicks: true, bounces: true}
"""

_OPTINOUT = """\
optinout:
  # disabled, dynamics_to_campaign (ingress carries consent, nothing moves here), campaign_to_dynamics, bidirectional
  direction: bidirectional
  flags:                         # a Boolean column of contact, and the flag that says the same; ingress must not map it
    - {dynamics: donotbulkemail, campaign: blackList}
    - {dynamics: donotemail, campaign: blackListEmail}
    - {dynamics: donotphone, campaign: blackListPhone}
    - {dynamics: donotfax, campaign: blackListFax}
    - {dynamics: donotpostalmail, campaign: blackListPostalMail}
  profile_key: {field: externalId, filter: byExternalId, parameter: externalId_parameter}
  poll: {filter: byLastModified, parameter: lastModified_parameter}    # or null, with files: {} and connections.sftp
"""


def template(store: Store, workflow: str) -> str | None:
    """The first text of a workflow's configuration; None for one that begins in another way. Raises UnknownWorkflow."""
    workflow_of(store, workflow)
    if workflow not in ("egress", "optinout"):
        return None
    known = _known(store)
    text = _connections(known) if known else _SYSTEMS
    # Only egress reads a journal: before it is saved, nobody knows one.
    return text + (_OPTINOUT if workflow == "optinout" else _JOURNAL + _EGRESS)


def _known(store: Store) -> Connections | None:
    try:
        return export(store).connections
    except NoConfiguration:
        return None


def _connections(known: Connections) -> str:
    return dump(Document.model_construct(connections=known, ingress=None, egress=None, optinout=None))
