"""Flower with a Workflows page: what an operator sees and does, in a browser. It parses, calls `control`, and shows.

serve.py      Flower's own start, with our routes and our door
extending.py  our routes and templates among those of Flower
gate.py       whether a request passes at all; door.py: who it is from, and what they may do
users.py      the file of users: name, role, hash of the password; noticed when it comes
link.py       the key by which whoever may read the home folder operates where nobody logs in
page.py       what every page of ours has: its visitor, its store, its notice
policy.py     what browsers are told about every answer
workflows.py  the pages to look at; editing.py: the configuration; acts.py: the buttons; deeds.py: what they do
cards.py      a workflow in words; chart.py: its backlog as a line; past.py: what was done; again.py: its replays
tables.py     tables as one template shows them; moments.py: times; ways.py: links in place of commands
templates/    how it looks; static/: one style sheet, one script
"""
