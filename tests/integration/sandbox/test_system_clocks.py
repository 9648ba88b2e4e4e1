"""The systems' own clocks: what their answers and their stamps show."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest
import requests

from tests.integration.sandbox.campaign_client import CampaignClient
from tests.integration.sandbox.dataverse_client import Dataverse
from tests.sandboxes import Sandbox


def dated(answer: requests.Response) -> float:
    return parsedate_to_datetime(answer.headers["Date"]).timestamp()


def now(sandbox: Sandbox) -> float:
    told: float = sandbox.admin.get("/clock")["now"]
    return told


def test_every_answer_bears_the_time_at_which_it_was_made(sandbox: Sandbox) -> None:
    sandbox.admin.post("/clock", {"advance": 5000})
    dataverse, campaign = Dataverse(sandbox), CampaignClient(sandbox)
    before = int(now(sandbox))
    answers = [
        dataverse.send("GET", "WhoAmI"),
        dataverse.send("GET", "nowhere"),
        campaign.send("GET", ""),
        campaign.send("GET", "/nobody"),
        requests.post(sandbox.info["dynamics"]["token_url"], timeout=10),
        requests.get(sandbox.journal_url, headers=sandbox.journal_headers(), timeout=10),
    ]
    sandbox.admin.put("/faults", {"campaign": {"rate_429": 1}})
    answers.append(campaign.send("GET", ""))
    after = now(sandbox)
    assert answers[-1].status_code == 429
    for answer in answers:
        assert before <= dated(answer) <= after


@pytest.mark.parametrize("offset", [7200, -90.5])
def test_a_system_whose_clock_is_wrong_shows_it_in_its_answers_and_in_its_stamps(
    sandbox: Sandbox, offset: float
) -> None:
    dataverse, campaign = Dataverse(sandbox), CampaignClient(sandbox)
    contact = next(iter(sandbox.admin.contacts()))
    for ahead in ("dynamics", "campaign"):
        # Given one of the two whose clock is wrong
        others = dict.fromkeys(("dynamics_clock_offset", "campaign_clock_offset"), 0)
        sandbox.admin.put("/switches", {**others, f"{ahead}_clock_offset": offset})
        before = now(sandbox)
        # When something is written in both
        told = dataverse.send("PATCH", f"contacts({contact})", {"jobtitle": ahead}, "return=representation")
        made = campaign.create(externalId=ahead, blackListEmail=True)
        read = campaign.send("GET", f"/{ahead}")
        # Then its own answers and stamps are off by that much, and those of the other are not
        for system, answer, stamp in [
            ("dynamics", told, told.json()["modifiedon"]),
            ("campaign", read, made["blackListEmailLastModified"]),
        ]:
            off = offset if system == ahead else 0
            written = datetime.fromisoformat(stamp).timestamp()
            assert -1.1 < written - before - off < 20 and -1.1 < dated(answer) - before - off < 20
    # And tokens live on by the sandbox's clock
    assert campaign.send("GET", "/campaign").status_code == 200


def test_a_reset_puts_the_clocks_right(sandbox: Sandbox) -> None:
    sandbox.admin.put("/switches", {"dynamics_clock_offset": 500})
    sandbox.admin.post("/reset")
    assert abs(dated(Dataverse(sandbox).send("GET", "WhoAmI")) - now(sandbox)) < 20
