"""What docs/configuration.md says beside what the models say themselves."""

from config.activities import Activities, BounceActivity, ClickActivity, OpenActivity, SendActivity
from config.alerts import Alerts
from config.connections import (
    CampaignConnection,
    Connections,
    DynamicsConnection,
    JournalConnection,
    LogExport,
    SftpConnection,
)
from config.consent_flags import FlagPair
from config.consent_sources import ConsentColumns, ConsentFiles, ConsentPoll, ExportWorkflow, FlagTimes
from config.contexts import Context, Contexts
from config.document import Document
from config.egress import EgressConfig, EventSwitches, FileEvents, JournalEvents
from config.event_fields import EventStatuses, EventTypes, FileFields, JournalFields
from config.file_import import FileImport
from config.filters import Condition, Filter
from config.ingress import IngressConfig
from config.model import Model
from config.objectives import Objectives
from config.optinout import OptinoutConfig
from config.tables import CampaignKey, FieldMapping, LinkMapping, TableMapping

INTRODUCTION = """\
# Configuration

Made from the models by `python -m config.reference`; a check keeps it fresh.

One YAML file says what one instance does. It is written by hand and kept in git; `d365acs mapping add` drafts mappings
from the live schemas.

```
d365acs config validate d365acs.yaml           # every mistake at once, each with its line; asks nobody
d365acs config validate d365acs.yaml --live    # and whether it fits the two systems
d365acs config apply d365acs.yaml              # saved as a revision; the next stop and start takes it
```

A mistake reads `d365acs.yaml:24: ingress.tables.0.fields.1.to: email is written twice: ...`. Unknown keys are mistakes,
too: a typo is never passed over.

- [examples/d365acs.yaml](examples/d365acs.yaml) is a file to begin with,
  [examples/every-feature.yaml](examples/every-feature.yaml) has one example of everything about mappings, and of events
  from files, for the sandbox.
  [examples/egress.yaml](examples/egress.yaml) brings email events from the journal to Dynamics,
  [examples/egress-files.yaml](examples/egress-files.yaml) from files on SFTP.
  [examples/optinout.yaml](examples/optinout.yaml) keeps consent the same in both systems,
  [examples/optinout-files.yaml](examples/optinout-files.yaml) brings it to Dynamics from files alone.
- **While you write.** Editors that know JSON Schema check and complete the file if its first line is
  `# yaml-language-server: $schema=d365acs.schema.json`, with [d365acs.schema.json](d365acs.schema.json) beside it;
  `d365acs config schema` prints the one of your version.
- **Secrets** never stand in the file. They are referred to: `${env:NAME}` is an environment variable of the processes,
  `${file:/path}` a file that holds nothing else. Both are read when they are needed: a new secret needs no restart.
- **YAML** as usual: anchors, aliases and merge keys may be used, tags may not. Keys and dates are text, and so are
  `yes`, `no`, `010` and `1:30`. Text that looks like a number, or like `true` or `false`, needs quotes.
- How the process runs (Redis, home folder, batch sizes) is said by [environment variables](#environment-variables).
"""

TITLES: dict[type[Model], str] = {
    Document: "The file",
    Connections: "connections",
    DynamicsConnection: "connections.dynamics",
    CampaignConnection: "connections.campaign",
    JournalConnection: "connections.journal",
    SftpConnection: "connections.sftp",
    LogExport: "connections.sftp.logs",
    Alerts: "connections.alerts",
    Objectives: "objectives",
    IngressConfig: "ingress",
    TableMapping: "A table",
    CampaignKey: "key",
    FieldMapping: "fields",
    LinkMapping: "links",
    FileImport: "file_import",
    Filter: "filter",
    Condition: "A condition",
    EgressConfig: "egress",
    EventSwitches: "egress.events",
    JournalEvents: "egress.journal",
    JournalFields: "egress.journal.fields",
    FileEvents: "egress.files",
    FileFields: "egress.files.fields",
    EventTypes: "egress.types",
    EventStatuses: "egress.statuses",
    Activities: "egress.activities",
    SendActivity: "egress.activities.send",
    OpenActivity: "egress.activities.open",
    ClickActivity: "egress.activities.click",
    BounceActivity: "egress.activities.bounce",
    OptinoutConfig: "optinout",
    FlagPair: "optinout.flags",
    ConsentPoll: "optinout.poll",
    ConsentFiles: "optinout.files",
    ConsentColumns: "optinout.files.columns",
    ExportWorkflow: "optinout.export_workflow",
    FlagTimes: "optinout.times",
    Contexts: "Contexts",
    Context: "A context",
}
"""Heading of each model's section, in the order of the page."""

EXAMPLES: dict[type[Model], str] = {
    Connections: """\
dynamics: {url: "https://contoso.crm.dynamics.com", tenant: contoso.onmicrosoft.com, client_id: 1111-2222,
  client_secret: "${env:DYNAMICS_CLIENT_SECRET}"}
campaign: {url: "https://mc.adobe.io/contoso", client_id: 0123abcd,
  client_secret: "${file:/run/secrets/campaign_client_secret}"}
""",
    DynamicsConnection: """\
url: https://contoso.crm.dynamics.com
tenant: contoso.onmicrosoft.com
client_id: 11111111-2222-3333-4444-555555555555
client_secret: ${env:DYNAMICS_CLIENT_SECRET}
""",
    CampaignConnection: """\
url: https://mc.adobe.io/contoso
client_id: 0123456789abcdef0123456789abcdef
client_secret: ${file:/run/secrets/campaign_client_secret}
requests_per_second: 20
""",
    JournalConnection: """\
url: https://events-va6.adobe.io/events/organizations/23294/integrations/54108/f89067f2-0d50-4bb2-bf78-209d0eacb6eb
org_id: 0123456789ABCDEF01234567@AdobeOrg
""",
    SftpConnection: """\
host: contoso.campaign.adobe.com
user: d365acs
private_key: ${file:/run/secrets/sftp_key}
host_key: SHA256:hzb1LcUUSzsDIsBoa7SUKbH+bZ2C1qVbMxE2JKYCtQo
logs: {folder: d365_loads/logs}
""",
    LogExport: """\
folder: d365_loads/logs
every_seconds: 900
""",
    Alerts: """\
url: ${env:ALERTS_URL}
secret: ${file:/run/secrets/alerts_key}
events: [failed, stalled, dead_letters]
dead_letters_above: 100
""",
    Objectives: """\
freshness_seconds: 60
share: 0.99
""",
    IngressConfig: """\
park_limit_seconds: 900
tables:
  - table: contact
    resource: profile
    key: {field: externalId}
    fields:
      - {from: emailaddress1, to: email}
""",
    TableMapping: """\
table: new_membership
resource: cusMembership
key: {field: crmId, unique: true, filter: byCrmId, parameter: crmId_parameter}
apply_deletes: true
filter:
  all:
    - {field: statecode, is: equals, value: 0}
links:
  - {from: new_contactid, to: holder, table: contact, required: true}
fields:
  - {from: new_number, to: number}
""",
    FileImport: """\
workflow: WKF201
threshold: 20000
""",
    CampaignKey: """\
field: crmId
unique: true
filter: byCrmId
parameter: crmId_parameter
""",
    FieldMapping: """\
from: gendercode
to: gender
apply_updates: false
replace: {1: male, 2: female, "": unknown}
""",
    LinkMapping: """\
from: new_contactid
to: holder
table: contact
required: true
""",
    Filter: """\
any:
  - {field: new_tier, is: one_of, value: [1, 2]}
  - {field: emailaddress1, is: ends_with, value: "@example.com"}
""",
    Condition: """\
field: new_since
is: between
value: [2024-01-01, 2024-12-31]
""",
    EgressConfig: """\
source: files
events: {opens: false}
without_contact: ignore
files: {folder: d365_loads/exports/logs, delimiter: ";", afterwards: delete}
""",
    EventSwitches: """\
opens: false
""",
    JournalEvents: """\
begin: latest
fields: {contact: data.crmId}
""",
    JournalFields: """\
contact: data.profile.externalId
status: null
""",
    FileEvents: """\
pattern: "logs_*.csv.gz"
delimiter: ";"
quote: '"'
encoding: windows-1252
afterwards: archive
archive_folder: d365_loads/exports/done
""",
    FileFields: """\
id: Delivery log ID
contact: CRM id
mirror_page: null
""",
    EventTypes: """\
click: [click, "1"]
ignore: [opt-out, "3", mirror page, "6", unsubscription]
""",
    EventStatuses: """\
sent: [Gesendet]
failed: [Fehlgeschlagen]
not_sent: [Ausstehend, Ignoriert]
""",
    Activities: """\
open: {table: new_emailopen, date: new_openedon, mirror_page: null}
complete: false
""",
    ClickActivity: """\
table: new_emailclick
date: new_clickedon
url: new_address
""",
    OptinoutConfig: """\
direction: bidirectional
flags:
  - {dynamics: donotemail, campaign: blackListEmail}
  - {dynamics: donotphone, campaign: blackListPhone, policy: most_restrictive}
files: {afterwards: archive, archive_folder: d365_loads/exports/done}
""",
    FlagPair: """\
dynamics: followemail
campaign: denyListMobile
opted_out: false
policy: newest
""",
    ConsentPoll: """\
filter: byChangedSince
parameter: since_parameter
every_seconds: 2
""",
    ConsentFiles: """\
pattern: "optout_*.csv"
delimiter: ";"
columns: {contact: CRM id}
true_values: ["1", ja]
false_values: ["0", nein]
date_formats: ["%d.%m.%Y %H:%M:%S"]
""",
    ConsentColumns: """\
contact: CRM id
modified: null
flags: {blackListEmail: No email, ccpaOptOut: Do not sell}
times: {blackListEmail: No email since, ccpaOptOut: null}
""",
    ExportWorkflow: """\
id: WKF123
signal: signal1
""",
    FlagTimes: """\
all_channels: blackListAllLastModified
push: none
""",
    Contexts: """\
current: stage
contexts:
  production: {instance: production, redis_url: "${env:PRODUCTION_REDIS_URL}"}
  stage: {instance: stage, redis_url: "redis://redis.stage.example.com:6379/0"}
""",
    Context: """\
instance: stage
home: ~/d365acs-stage
""",
}
"""One example of each model; a test reads them."""

NOTES: dict[type[Model], str] = {
    LogExport: """\
[operations.md](operations.md#logs-on-the-sftp-server) says what stands in the files. They are exported while a workflow
is stopped, too, as long as there is something new to tell; under the configuration that runs, or else that is saved.
""",
    TableMapping: """\
A table is mapped once. Once a mapping has been applied, its table, resource and key are fixed: to change them, delete
the mapping, apply, and add it anew. Nothing is written to a field twice: each Campaign field takes one column, or one
link.
""",
    CampaignKey: """\
The id of the Dynamics record (36 characters, lower case) is written to the key field, always, and first. With
`address: uri` an update costs one request; with a filter there is a look-up before it. Where the instance enforces the
key (`unique: true`), a new record is created without a look-up.
""",
    FileImport: """\
[first-loads.md](first-loads.md) tells how the workflow is built in Campaign, what stands in the files, and what happens
when an import fails. Only records that Campaign has never been sent travel so; changes, deletions, and records that
wait for a parent are written singly, also while an import is under way. It needs `connections.sftp`. A table with a
link that takes a PKey cannot use it. Several tables may share the folders, but not a workflow.

The larger a file, the more is won: Campaign takes one signal in ten minutes. A file holds at most what waits at once,
and reading pauses at the high-water mark: for files of more than 100,000 records raise `D365ACS_HIGH_WATER`, too.
""",
    FieldMapping: """\
**Values** are converted to the type of the Campaign field; one that does not fit is refused for that record, with the
reason, and never changed silently. A column without a value empties the field.

**Updates.** With `apply_updates: false` the field is written when the record is new to Campaign, and by a replay of the
table; a later change of the record leaves it alone.

**Choices** (picklists, states, several choices) travel as numbers, or with `technical_value: false` as display labels
in the language of the application user. Several choices are joined by commas.

**Replacements** are compared with the value that would travel:

| the column | an existing value is | for example |
| --- | --- | --- |
| choice that travels as its number | its number | `replace: {1: male, 2: female}` |
| choice that travels as its display label | its label, capitals count | `replace: {Bronze: bronze}` |
| several choices | one of them, by number or label; each is replaced by itself | `replace: {1: sports, 4: ""}` |
| text | the whole text, capitals count | `replace: {"#00FF00": green}` |
| true or false | `true` or `false` | `replace: {true: Y, false: N}` |
| number | the number, however it is written | `replace: {0: 1}` |
| no value, or empty text | `""` | `replace: {"": unknown}` |

The new value is what the Campaign field takes: a name of its enumeration, text, a number, `true` or `false`; `""`
empties the field. Keys that are numbers, `true` or `false` need no quotes.
""",
    LinkMapping: """\
Where Campaign's metadata call `to` a link, it takes a reference to the parent's record. Where they call it text, it
takes the parent's id, by which Campaign joins the two itself.

A child is never written before its parent. It waits, shown as parked, and is released by the write of its parent. After
`park_limit_seconds` the parent is fetched from Dynamics; if that is in vain, the child is set aside with the reason.
Deletions travel in the opposite order. A child whose lookup is empty is refused where the link is `required`.

Links must not run in a circle from table to table. A table may link to itself, if the link is not `required`.
""",
    Filter: """\
Exactly one of `all` and `any`. Every changed record is read and compared; one that does not match is not queued. What
happens to a record that matched before and no longer does is said by `delete_filtered_out`.
""",
    EgressConfig: """\
Each event becomes one activity that regards the contact whose id is the profile's `externalId`. Its subject is
`Campaign Name: <campaign>; Delivery Name: <delivery>`, its owner the application user, and its id is made of the kind
and the id of the event: however often an event arrives, it is shown once.

What does not fit is set aside as a dead letter, with the part that does not: an event without id, of an unknown type,
with a time that cannot be read, with a text longer than its column. Nothing is shortened.

A mistake in `types` or `fields` sets all events aside. Correct it, ask for these events once more with `d365acs replay
create egress --since TIME`, and stop and start: they are tried again, as far as the source still has them, the journal
for seven days, files until they are deleted. Those whose type or id was not understood appear, and stay in the count of
dead letters.
""",
    JournalFields: """\
A part that is not there, is null or empty text is not told. `id`, `type`, `contact` and `time` must be. Numbers are
taken for texts where a text is wanted.
""",
    FileEvents: """\
A workflow of Campaign exports the files: Incremental query (delivery logs, or tracking logs), Extract file (with the
column names in the first line), Transfer file. Give the columns of both exports the same names; where a log has no
type, such as delivery logs, add a column with the constant `send`. Values of enumerations may be labels or numbers.

A line that arrives again in a later file is the same event. Campaign exports a delivery log again when its status
changes: a send that fails days later arrives once as sent, and once as failed, and is then shown as a bounce as well.
""",
    EventTypes: """\
A list that is written replaces its default. A value stands in one list only: what a default list holds has to be
taken out there before it can mean something else.
""",
    EventStatuses: """\
Only sends have a status, and only where `fields` says where it stands. Without one, a send was sent.
""",
    Activities: """\
Each kind of event has a table of its own. The address of its rows and the way to the contact are found in the metadata.
""",
    OptinoutConfig: """\
**Directions.** `bidirectional` compares both systems whenever one of them changes, and writes where they differ.
`campaign_to_dynamics` writes what Campaign says to Dynamics, and nothing to Campaign. With `dynamics_to_campaign` the
columns travel with the contacts: map them in ingress, for example `{from: donotemail, to: blackListEmail}` in the
mapping of contact; `d365acs mapping add-flags contact` adds the pairs of this part there. A flag must not be written by
both: where it is paired here with one of the other two directions, ingress must not map it.

**Sources.** At least one of `poll` and `files`; with both, a change that arrives twice counts once. Polling needs a
custom filter that an administrator adds to the profile, on `lastModified`; files need `connections.sftp`.

A change of a profile without the key, or of a contact that Dynamics does not have, is shown and counted; it stops
nothing.
""",
    FlagPair: """\
A column goes with one flag, and a flag with one column. Both spellings are taken, `blackList...` and `denyList...`;
what is saved has the first one, which stands on the wire.

The documented rule compares the time of the record in Dynamics with that of the flag in Campaign, in whole seconds.
""",
    ConsentPoll: """\
Campaign has no such filter of its own. An administrator adds it under Custom resources, to the profile's filter
definitions, and publishes; `d365acs config validate FILE --live` says whether it is there.
""",
    ConsentFiles: """\
A file is read once, when it is whole. One that lacks a column which it must have is set aside as a whole, with the name
of the column; a row that cannot be understood is set aside alone.
""",
    Contexts: """\
`d365acs context` writes this file; it may be written by hand as well. It is `~/.config/d365acs/contexts.yaml`
(`XDG_CONFIG_HOME` is honoured), or what `D365ACS_CONTEXTS` names. Only the command line reads it, worker processes do
not. What counts: an option, else an environment variable, else the current context, else the default.
""",
}
"""What follows the table of a model's keys."""

COMPARISONS = """\
Text is compared without regard to capitals, as Dynamics does. Choices are compared by their numbers. A moment has its
time zone (`2025-01-31T12:00:00Z`); a date that is compared with a point in time stands for that whole day in UTC. A
column without a value, or with empty text, satisfies `empty` and every comparison that denies something (`not_...` but
for `not_empty`, `none_of`, `contains_none`), and no other.
"""

ENVIRONMENT = """\
Every process reads these; all have a default that works on one machine. An empty variable is like none.
"""
