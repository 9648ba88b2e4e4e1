from tests.integration.connectors.conftest import campaign, contact, dynamics, http, server, throttle

__all__ = ["campaign", "contact", "dynamics", "http", "server", "throttle"]
