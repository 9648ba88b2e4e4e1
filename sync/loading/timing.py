"""How long what belongs to a load may take."""

from store import client
from store.loads import DRAFT_MS

#: The longest that one call may take. Seconds.
CALL_SECONDS = 20.0
#: Before a file is put into place its load is this old, and before files are removed its end.
SURE_MS = client.SURE_MS
#: How often Campaign is asked how the workflow stands.
STATE_EVERY_MS = 15_000
#: How long the workflow must have been stopped, whenever it was asked, before nobody is taken to import the file.
STOPPED_MS = 30_000
#: How soon a workflow that was started must have taken the file; and how soon a refused signal is tried again.
AGAIN_MS = 60_000
#: After so long operators are told that an import has not ended.
LONG_MS = 3_600_000
#: What is kept of a load that is being made goes after so long, if it never came to one: Redis keeps a draft no longer.
LEFT_MS = DRAFT_MS
#: How often it is looked for.
TIDY_EVERY_MS = 600_000
