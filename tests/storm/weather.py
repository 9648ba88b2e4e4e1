"""What both systems do to their callers: one weather after the other, as a seed says."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.storm.town import IMPORTS as IMPORT_SETTINGS
from tests.storm.town import LEASE, Town

Plan = dict[str, Any]

_OF_IMPORTS = f"/imports/{IMPORT_SETTINGS['workflow']}"
SYSTEMS = ("dynamics", "campaign", "journal", "tokens")

#: But for a silence nothing is slower than a request may be that begins as late within a lease as it may.
_QUICK: Plan = {"hold_seconds": 0.4, "slow_seconds": 0.4, "retry_after": 0.2}
_CALM: Plan = {"latency_ms": 20, "latency_jitter_ms": 40, "latency_after_ms": 10}
#: Every kind there is, each of them seldom.
_GALE: Plan = {
    **dict.fromkeys(("rate_429", "rate_500", "rate_503", "rate_reset", "rate_timeout_before", "rate_slow"), 0.02),
    **dict.fromkeys(("rate_reset_after", "rate_timeout_after", "rate_truncated", "rate_malformed"), 0.03),
    "rate_expired_token": 0.01,
}
_OPERATIONS: Plan = dict.fromkeys(("rate_operation_429", "rate_operation_500", "rate_operation_500_after"), 0.05)

WEATHERS: dict[str, Plan] = {
    "gale": _GALE,
    "too many requests": {"rate_429": 0.9},
    "outage": {"rate_503": 0.5, "rate_500": 0.4},
    "lost answers": {"rate_timeout_after": 0.15, "rate_reset_after": 0.15, "rate_timeout_before": 0.1},
    "tatters": {"rate_truncated": 0.2, "rate_malformed": 0.2, "rate_reset": 0.1},
    "slow": {"latency_ms": 100, "latency_jitter_ms": 250, "latency_after_ms": 50, "rate_slow": 0.3},
    "refused tokens": {"rate_expired_token": 0.3},
    "silence": {"rate_timeout_before": 0.02, "rate_timeout_after": 0.02, "hold_seconds": LEASE + 1},
}
#: How Campaign's import goes, in storms that have any.
_IMPORT: Plan = {"delay_seconds": 0.3, "rows_per_second": 60, "results_delay_seconds": 0.2}
IMPORTS: dict[str, Plan] = {
    "well": {},
    "slowly": {"delay_seconds": 1.5, "rows_per_second": 20},
    "refusing rows": {"reject_every": 5},
    "silent about rows": {"unlisted_every": 4},
    "results in halves": {"half_results_seconds": 0.8},
    "breaking off": {"fail_after_rows": 8},
    "stopped": {"stop_after_rows": 8},
}
_NO_FAULT: Plan = {
    **dict.fromkeys(("reject_every", "unlisted_every", "fail_after_rows", "stop_after_rows")),
    "half_results_seconds": 0.0,
}

#: Systems that are down as a whole are waited for, longer each time: such weather is short.
_DOWN = ("too many requests", "outage")
#: No answer comes while a lease lasts, and whoever writes gives up; what he asked for was done at once, or never is.
#: Whoever meets that waits for seconds: such weather is short, too. Tokens come: one that came at the last moment would
#: leave its request so little time that the effect could be late.
_SILENCE = "silence"
#: How timeouts are told then.
_UNANSWERED = {"timeout_before": "silence_before", "timeout_after": "silence_after"}


#: What the systems deal out, by the names that the sandbox tells, but for those of a silence; in many storms all of it.
FAULTS = (
    *("429", "500", "503", "reset", "reset_after", "timeout_before", "timeout_after", "truncated", "malformed", "slow"),
    *_UNANSWERED.values(),
    *("expired_token", "operation_429", "operation_500", "operation_500_after"),
    *("import: row refused", "import: row not listed", "import: results in halves"),
    *("import: failed", "import: stopped"),
)


class Weather:
    def __init__(self, town: Town, chance: Random) -> None:
        self._town = town
        self._chance = chance
        self._dealt: Counter[str] = Counter()  # but for what is dealt out now
        self.done: Counter[str] = Counter()  #: what was done to both systems beside their faults
        self._is_silent = False
        self._published = 0
        #: All change tokens expire once: what expires again within minutes is waited out, which no storm has time for.
        self._has_expired = False

    def change(self) -> float:
        """Another one sets in; for how many seconds it should last."""
        name = self._chance.choice(("gale", "gale", "slow", *WEATHERS))
        where: Sequence[str] = SYSTEMS
        if name in _DOWN:
            where = self._chance.sample(SYSTEMS, self._chance.randint(1, 3))
        elif name == _SILENCE:
            where = [system for system in SYSTEMS if system != "tokens"]
        plans = {system: {**_CALM, **_QUICK, **WEATHERS[name]} if system in where else _CALM for system in SYSTEMS}
        plans["dynamics"] = plans["dynamics"] | _OPERATIONS
        sftp = {"rate_reset": 0.05, "rate_500": 0.05}
        self._put({"seed": self._chance.randrange(10**6), "sftp": sftp, **plans}, name == _SILENCE)
        self.change_imports()
        is_short = name in (*_DOWN, _SILENCE)
        return self._chance.uniform(0.3, 0.8) if is_short else self._chance.uniform(1, 2.5)

    def lull(self) -> None:
        """Nothing fails for a while."""
        self._put(dict.fromkeys(SYSTEMS, _CALM))

    def slow(self, latency_ms: int) -> None:
        """Campaign takes its time, and nothing fails."""
        self._put({"campaign": {"latency_ms": latency_ms}})

    def clear(self) -> None:
        self._put({})
        self._go(IMPORTS["well"])

    def change_imports(self) -> None:
        """Imports that begin from now on go otherwise."""
        self._go(IMPORTS[self._chance.choice([*IMPORTS, "breaking off", "stopped"])])

    def _go(self, plan: Plan) -> None:
        if self._town.imports:
            self._town.admin.patch(_OF_IMPORTS, _NO_FAULT | _IMPORT | plan)
            self.mend_imports()

    def mend_imports(self) -> None:
        """Somebody in Campaign starts its workflow again, once nobody waits for what it has broken off: what it took
        would never be told of, and d365acs has to see that."""
        if self._town.imports and not self._town.is_loading() and self._imports()["state"] != "started":
            self._town.admin.put(_OF_IMPORTS, {"state": "started"})

    def _imports(self) -> dict[str, Any]:
        found: dict[str, Any] = self._town.admin.get(_OF_IMPORTS)
        return found

    def dealt(self) -> Counter[str]:
        """How often each fault was dealt out, all in all."""
        now: Counter[str] = sum((Counter(of["dealt"]) for of in self._town.admin.get("/faults").values()), Counter())
        names: dict[str, str] = _UNANSWERED if self._is_silent else {}
        return self._dealt + Counter({names.get(fault, fault): count for fault, count in now.items()})

    def dealt_by_imports(self) -> Counter[str]:
        """The same of imports: rows, and whole runs."""
        found: Counter[str] = Counter()
        for run in self._imports()["runs"] if self._town.imports else ():
            found["import: row refused"] += run["rejected"]
            found["import: row not listed"] += run["unlisted"]
            found["import: results in halves"] += run["halves"]
            found[f"import: {run['state']}"] += run["state"] in ("failed", "stopped")
        return +found

    def _put(self, plan: Plan, is_silent: bool = False) -> None:
        self._dealt, self._is_silent = self.dealt(), is_silent
        self._town.admin.put("/faults", plan)

    def expire_tokens(self) -> None:
        self._town.admin.post("/tokens/expire")
        self.done["all access tokens expired"] += 1

    def expire_change_tokens(self) -> None:
        if not self._has_expired:
            self._has_expired = True
            self._town.admin.post("/dynamics/expire-delta")
            self.done["change tokens expired"] += 1

    def publish(self) -> None:
        """A schema gets another column or field; at times that costs the change tokens of its table."""
        self._published += 1
        name, admin = f"storm{self._published}", self._town.admin
        if self._chance.random() < 0.5:
            resource = self._chance.choice(("profile", "cusMembership"))
            added = {"name": f"cus{name.title()}", "type": "string", "length": 20, "extension": resource == "profile"}
            admin.post("/campaign/publish", {"resource": resource, "add": [added]})
        else:
            expires = self._chance.random() < 0.5 and not self._has_expired
            self._has_expired = self._has_expired or expires
            admin.put("/switches", {"delta_after_publish": "expired" if expires else "kept"})
            table = self._chance.choice(("contact", "new_membership"))
            added = {"name": f"new_{name}", "type": "String", "length": 20, "label": name}
            admin.post("/dynamics/publish", {"table": table, "add": [added]})
        self.done["schema published"] += 1
