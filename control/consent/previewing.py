"""Before consent moves: what would be written if everybody were looked at now."""

from dataclasses import dataclass
from pathlib import Path

from config.optinout import OptinoutConfig
from control import configuration
from control.consent.record import opened
from control.errors import ControlError, NoConfiguration
from control.mappings.live import SCHEMA_SECONDS, systems_of
from control.together import OPTINOUT
from store.store import Store
from sync.consent.fitting import read_shapes
from sync.consent.preview import Preview, preview


@dataclass(frozen=True, slots=True)
class Previewed:
    config: OptinoutConfig
    found: Preview


def previewed(store: Store, file: Path | None, limit: int | None) -> Previewed:
    """Of a file, or of what is saved. Writes nothing anywhere. `limit`: at most about so many profiles.

    Raises ConfigProblems, NoConfiguration, Misfitting, ConnectorError, Sealed; ControlError for a direction in which
    nothing flows, and where Campaign is not polled.
    """
    document = configuration.validate(file) if file else configuration.export(store)
    config = document.optinout
    if config is None:
        raise NoConfiguration(f"{OPTINOUT} is not configured there; add the part {OPTINOUT} to the file.")
    if config.direction == "disabled" or not config.flags:
        raise ControlError(f"{OPTINOUT} is disabled or has no pairs, and writes nothing; set its direction and flags.")
    if config.poll is None:
        raise ControlError(
            "A preview reads Campaign's profiles by the filter that polling uses, and poll is null; name the filter "
            "under optinout.poll, in a file of its own if need be: d365acs consent preview FILE"
        )
    workflow = store.workflow(OPTINOUT)
    with systems_of(document.connections, store) as systems:
        # With dynamics_to_campaign it is ingress that writes; the same columns and flags must be there.
        reading = config if config.reads_campaign else config.model_copy(update={"direction": "campaign_to_dynamics"})
        shapes = read_shapes(reading, systems.dynamics, systems.campaign, SCHEMA_SECONDS)
        with opened():
            return Previewed(config, preview(config, shapes, systems, workflow.consent, workflow.now_ms, limit))
