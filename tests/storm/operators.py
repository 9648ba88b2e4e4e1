"""What operators do meanwhile: they stop and start, save other configurations, and ask for replays."""

from collections import Counter
from random import Random

from redis.exceptions import RedisError

from store.lifecycle import State
from tests.end_to_end.installation import Installation
from tests.storm.town import OTHER_POLICIES, POLICIES, Town


class Operators:
    def __init__(self, town: Town, chance: Random) -> None:
        self._town = town
        self._chance = chance
        self.done: Counter[str] = Counter()

    def stop_and_start(self) -> None:
        """Of one workflow, at once or with something saved in between."""
        stage = self._chance.choice(self._town.stages)
        if self._chance.random() < 0.6:
            self.edit(stage)
        self.restart(stage)

    def restart(self, stage: Installation) -> None:
        if stage.life.state in (State.RUNNING, State.STARTING):
            stage.stop()
            self._town.start(stage)
            self.done["stop and start"] += 1

    def edit(self, stage: Installation) -> None:
        """Saves another configuration, which counts from the next start on."""
        town = self._town
        if stage is town.tables:
            town.save_tables(self._chance.choice(("", "", "jobtitle", "address1_city")))
        elif stage is town.events:
            town.save_events(self._chance.choice((10, 20, 30)))
        else:
            policies = self._chance.choice((POLICIES, OTHER_POLICIES))
            town.save_consent(self._chance.choice((1.5, 2, 3)), policies)
        self.done["edit"] += 1

    def replay(self) -> None:
        """A whole table, beside what changes; at times consent, too, with its next start."""
        if self._chance.random() < 0.2:
            self._town.consent.workflow.replays.ask(self._town.consent.stream, "tester", "storm")
        table, replays = (
            self._chance.choice(("contact", "contact", "new_membership")),
            self._town.tables.workflow.replays,
        )
        replays.ask(table, "tester", "storm")
        if replays.begin_now(table, "tester", "storm"):
            self.done["replay"] += 1

    def settle_policies(self) -> None:
        """The policies of the beginning count again, and what was left as it is by others is looked at once more."""
        town = self._town
        if len(town.demanded) > 1:
            town.save_consent(2)
            town.consent.workflow.replays.ask(town.consent.stream, "tester", "storm")

    def finish(self) -> None:
        """Nothing is left stopped, and everything saved is applied."""
        try:
            for stage in self._town.stages:
                if stage.life.state is State.STOPPED:
                    self._town.start(stage)
                elif stage.life.revision != stage.workflow.revisions.newest() and stage.life.state is State.RUNNING:
                    self.restart(stage)
        except RedisError:
            return
