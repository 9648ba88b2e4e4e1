"""What an operator can do, as plain functions; the command line only parses, calls them, and prints.

operate.py        start, stop, restart
configuration.py  save, export, compare what flows; history.py: its revisions, and the way back
templates.py      the text with which the first configuration of a workflow begins
replays/          tables, events or consent read and written once more: asked for, followed, paused, ended
kinds.py          what is different from one workflow to another where operators see it
events.py         what egress needs of the live systems: activity tables, and a source that answers
optinout.py       what opt-in/out needs of the live systems; its pairs, added to a mapping of ingress
together.py       how ingress and opt-in/out go together: a flag is written by one of them
privacy.py        the acknowledgement that the first start asks for
acts.py           who did what, when and why: the history
dead_letters/     what was set aside: looked at by cause, retried, given up, handed out
explain/          one record: what becomes of it, and why
rehearsal/        dry runs: what a start, a mapping or a replay would do; live_streams.py: a workflow's streams for both
masking.py        words in place of values that people need not see
consent/          what was decided about consent: one contact in sentences, an export, counts
status/           what is known of a workflow right now: status/workflow.py, and in sentences status/notes.py
metrics/          what Prometheus reads, as text and over HTTP
mappings/         what both systems have to map, drafts, edits, and whether mappings fit
processes/        the Procfile's programs and the embedded Redis, kept up
doctor/           everything that must be right, with the remedies
demo/             the demonstration against the sandbox
"""
