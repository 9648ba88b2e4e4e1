"""How many records one request carries: as many as Dynamics takes in good time.

Operations of a batch are done one after the other, so that its time grows with its size; how fast they are depends on
the organisation and on what it runs for each row. A request that takes too long is given up, and all of it is to be
sent again.
"""

#: A request that takes longer makes the next ones smaller; `sync.batch_writer` gives up after 20. Seconds.
LONG = 8.0
#: One that takes less lets them grow again. Seconds.
SHORT = 4.0


class BatchSize:
    """Between 1 and `most`; shared by the threads of a writer."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = most

    def note(self, many: int, seconds: float) -> None:
        """A request with so many records was answered after so long."""
        if seconds > LONG:
            self.note_given_up(many)
        elif seconds < SHORT and many >= self.now:
            self.now = min(self.most, self.now + max(1, self.now // 10))

    def note_given_up(self, many: int) -> None:
        """A request with so many records was not answered in time."""
        self.now = max(1, min(self.now, many // 2))
