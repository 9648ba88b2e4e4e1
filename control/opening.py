"""Opens the store for an operator: asked once whether it answers, so that a missing server is one clear sentence."""

from urllib.parse import urlsplit

from redis.exceptions import AuthenticationError, AuthorizationError, RedisError

from config.settings import Settings
from control.errors import RedisSilent, UnknownWorkflow
from control.words import listed
from store.client import connect
from store.sealing import AesSeal, PayloadSeal
from store.store import Store, WorkflowStore
from sync.workflows import NAMES


def open_store(settings: Settings, seal: PayloadSeal | None = None) -> Store:
    """The store of the chosen instance. Raises RedisSilent.

    `seal`: opens what is sealed, see `seal_of`. Most of what operators look at never is.
    """
    redis = connect(settings.effective_redis_url)
    try:
        redis.ping()
    except (RedisError, OSError) as error:
        raise RedisSilent(silence(settings, error)) from None
    return Store(redis, settings.instance, seal, settings.high_water, settings.origin)


def seal_of(settings: Settings) -> PayloadSeal | None:
    """What opens payloads with the keys that are known here. Raises BadSettings."""
    keys = settings.sealing_keys()
    return AesSeal(keys) if keys else None


def silence(settings: Settings, error: Exception) -> str:
    """Why Redis does not answer, and the way out."""
    if isinstance(error, AuthenticationError | AuthorizationError):
        return f"Redis at {address(settings)} refuses the credentials; correct D365ACS_REDIS_URL."
    if settings.redis_url is None:
        return (
            f"The embedded server of {settings.home} does not run; start it with: d365acs up "
            "(or name another Redis in D365ACS_REDIS_URL)."
        )
    return f"Redis does not answer at {address(settings)}; start it, or correct D365ACS_REDIS_URL."


def address(settings: Settings) -> str:
    """Where Redis is, without user name and password."""
    parts = urlsplit(settings.effective_redis_url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def workflow_of(store: Store, name: str) -> WorkflowStore:
    """Raises UnknownWorkflow."""
    if name not in NAMES:
        raise UnknownWorkflow(f"There is no workflow {name}; there are {listed(NAMES)}.")
    return store.workflow(name)
