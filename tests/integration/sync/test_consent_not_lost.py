"""No opt-out is lost, and nobody is opted in by what nobody said: profiles that go and come, clocks, doubles, files."""

import pytest

from connectors.errors import Unreachable
from store.decisions import Confirmed
from store.record_queue import Again, Lane, Leased
from sync.consent.memory_bytes import unpack
from sync.consent.payload import OF_DYNAMICS
from sync.streams import Answer, Send
from tests.integration.sync.consent_readers import ConsentReaders

FILES = {"settled_seconds": 0}
ONE_WAY = "campaign_to_dynamics"
PUSH = [{"dynamics": "donotemail", "campaign": "blackListPushnotification"}]


def delete_profile(readers: ConsentReaders, contact: str) -> None:
    for profile in readers.admin.profiles():
        if profile["externalId"] == contact:
            readers.campaign.delete("profile", profile["PKey"], 10)


def make_profile(readers: ConsentReaders, contact: str, **flags: bool) -> None:
    """As ingress does."""
    readers.campaign.create("profile", {"externalId": contact, "email": "a@example.com", **flags}, 10)


def round_(readers: ConsentReaders) -> None:
    """Every source is asked again, and all that waits is written."""
    readers.restart()
    readers.settle()


def write(readers: ConsentReaders, contact: str, queued_ms: int, payload: bytes = OF_DYNAMICS) -> Answer:
    target = readers.stream.target
    send = target.prepare(Leased(contact, 1, queued_ms, Lane.LIVE, payload, 0, 0), None)
    assert isinstance(send, Send)
    [answer] = target.send([send], lambda: 10.0)
    return answer


@pytest.mark.parametrize("side", ["dynamics", "campaign"])
def test_an_opt_out_outlives_a_profile_that_is_deleted_and_made_again(readers: ConsentReaders, side: str) -> None:
    # Given a contact who has opted out on both sides
    readers.settle()
    readers.wait(20)
    if side == "dynamics":
        readers.contact(readers.ann, donotemail=True)
    else:
        readers.profile(readers.ann, blackListEmail=True)
    readers.settle()
    assert readers.flags(readers.ann) == (True, True)
    # When the profile is deleted and made again, with a flag that nobody ever touched
    readers.wait(60)
    delete_profile(readers, readers.ann)
    readers.wait(5)
    make_profile(readers, readers.ann)
    round_(readers)
    # Then the opt-out is in the new one, too
    assert readers.flags(readers.ann) == (True, True)


def test_an_opt_out_that_is_made_while_no_profile_is_there_is_not_forgotten(readers: ConsentReaders) -> None:
    # Given a contact without a profile, who once had one, and opts out meanwhile
    readers.settle()
    delete_profile(readers, readers.ann)
    readers.wait(5)
    readers.contact(readers.ann, donotemail=True)
    readers.settle()
    # When a profile is made
    readers.wait(5)
    make_profile(readers, readers.ann)
    round_(readers)
    # Then it has the opt-out
    assert readers.flags(readers.ann) == (True, True)


def settle_those_with_profiles(readers: ConsentReaders) -> None:
    """The others are looked for again later: nobody would tell of theirs."""
    readers.read_all()
    while {readers.ann, readers.bob, readers.carol} & readers.waiting().keys():
        readers.write()


@pytest.mark.parametrize("direction", ["bidirectional", ONE_WAY])
def test_a_value_of_a_file_that_is_not_understood_hides_no_opt_out(readers: ConsentReaders, direction: str) -> None:
    # Given files alone, and somebody who has opted out in Campaign
    readers.use(poll=None, files=FILES, direction=direction)
    settle_those_with_profiles(readers)
    readers.wait(20)
    readers.profile(readers.ann, blackListEmail=True)
    # When the file says so with a word that nobody knows
    readers.put("optout_1.csv", f"{readers.ann},maybe,false", f"{readers.bob},maybe,false")
    readers.restart()
    settle_those_with_profiles(readers)
    # Then the profile itself is believed, and whoever has not opted out there stays as they are
    assert (readers.flags(readers.ann), readers.flags(readers.bob)) == ((True, True), (False, False))


def test_what_a_row_does_tell_is_not_lost_with_what_it_does_not(readers: ConsentReaders) -> None:
    # Given a row whose profile is not found by its key any more
    readers.use(poll=None, files=FILES, direction=ONE_WAY)
    readers.settle()
    delete_profile(readers, readers.ann)
    # When it has opted out of text messages, and says of email what nobody understands
    readers.put("optout_1.csv", f"{readers.ann},maybe,true")
    round_(readers)
    # Then the opt-out is passed on, and the doubt is on record
    assert readers.admin.contacts()[readers.ann]["followemail"] is False
    assert readers.admin.contacts()[readers.ann]["donotemail"] is False
    rules = {decision.flag: decision.rule for decision in readers.store.consent.of_contact(readers.ann)}
    assert rules == {"blackListEmail": "in-doubt", "blackListMobile": "one-way"}


def test_without_polling_a_profile_is_looked_for_that_is_made_hours_later(readers: ConsentReaders) -> None:
    # Given files only, which tell of no new profile, and a contact without one, who opted out hours ago
    readers.use(files=FILES, poll=None)
    delete_profile(readers, readers.ann)
    readers.contact(readers.ann, donotemail=True)
    hours_ago = readers.store.now_ms() - 6 * 3_600_000
    # When that is written, then the contact is looked at again, and remembered
    assert isinstance(write(readers, readers.ann, hours_ago), Again)
    # And once ingress has made the profile, it has the opt-out
    make_profile(readers, readers.ann)
    assert write(readers, readers.ann, hours_ago) is False
    assert readers.flags(readers.ann) == (True, True)


@pytest.mark.parametrize("direction", ["bidirectional", ONE_WAY])
def test_a_change_is_not_lost_when_the_clock_of_campaign_is_set_right(readers: ConsentReaders, direction: str) -> None:
    # Given a flag that was set and cleared while Campaign's clock was an hour ahead
    readers.use(direction=direction)
    readers.settle()
    readers.wait(60)
    readers.admin.put("/switches", {"campaign_clock_offset": 3600})
    for opted_out in (True, False):
        readers.profile(readers.ann, blackListEmail=opted_out)
        round_(readers)
    # When the clock is right again, and the contact opts out
    readers.wait(300)
    readers.admin.put("/switches", {"campaign_clock_offset": 0})
    round_(readers)
    readers.wait(60)
    readers.profile(readers.ann, blackListEmail=True)
    round_(readers)
    # Then that counts, although its time is older than what was told before
    assert readers.flags(readers.ann) == (True, True)


def test_a_row_with_a_time_to_come_silences_nothing(readers: ConsentReaders) -> None:
    # Given a row of a file that says when a flag will have been changed
    readers.use(direction=ONE_WAY, files=FILES)
    readers.settle()
    first = "externalId,blackListEmail,blackListMobile,blackListEmailLastModified"
    readers.put("optout_1.csv", f"{readers.ann},0,0,2099-01-01 00:00:00.000Z", first=first)
    readers.settle()
    # When the contact opts out, then that counts
    readers.profile(readers.ann, blackListEmail=True)
    round_(readers)
    assert readers.flags(readers.ann) == (True, True)


def test_a_flag_that_nobody_ever_touched_opts_nobody_in(readers: ConsentReaders) -> None:
    # Given the direction from Campaign to Dynamics, and opt-outs in Dynamics: one of before the first run
    readers.contact(readers.ann, donotemail=True)
    readers.use(direction=ONE_WAY)
    readers.settle()
    # And one of a contact whose profile ingress makes later
    delete_profile(readers, readers.bob)
    readers.contact(readers.bob, donotemail=True)
    make_profile(readers, readers.bob)
    round_(readers)
    # Then both stand, and are on record once
    for contact in (readers.ann, readers.bob):
        assert readers.flags(contact) == (True, False)
        [decision] = readers.store.consent.of_contact(contact)
        assert (decision.rule, decision.winner, decision.written_to) == ("untouched", "dynamics", "")
    # But whoever opts in in Campaign, is
    readers.wait(60)
    for opted_out in (True, False):
        readers.profile(readers.ann, blackListEmail=opted_out)
        round_(readers)
    assert readers.flags(readers.ann) == (False, False)


def test_a_row_without_times_opts_nobody_in_who_has_opted_out_since(readers: ConsentReaders) -> None:
    # Given an opt-out that polling has brought, and an export of the night before that tells no times
    readers.use(direction=ONE_WAY, files=FILES)
    readers.settle()
    readers.wait(60)
    readers.profile(readers.ann, blackListEmail=True)
    readers.settle()
    readers.put("optout_1.csv", f"{readers.ann},0,0")
    # When the file is read, then Campaign was asked, and the opt-out stands
    readers.settle()
    assert readers.flags(readers.ann) == (True, True)


def test_a_change_of_campaign_is_not_lost_with_the_direction(readers: ConsentReaders) -> None:
    # Given an opt-out of Campaign that waits, and another change of the same contact in Dynamics
    readers.settle()
    readers.wait(20)
    readers.profile(readers.ann, blackListEmail=True)
    readers.read_all()
    readers.contact(readers.ann, donotphone=True)
    readers.read_all()
    # When the direction is changed before anything is written
    readers.use(direction=ONE_WAY)
    readers.settle()
    # Then the opt-out arrives
    assert readers.flags(readers.ann) == (True, True)


@pytest.mark.parametrize("poll", [True, False])
def test_an_opt_out_that_was_left_standing_one_way_reaches_campaign_with_the_other_direction(
    readers: ConsentReaders, poll: bool
) -> None:
    # Given the direction from Campaign to Dynamics, an opt-out in Dynamics, and one that Campaign has told as well
    readers.use(direction=ONE_WAY, files=FILES, **({} if poll else {"poll": None}))
    readers.settle()
    readers.wait(20)
    readers.contact(readers.ann, donotemail=True)
    readers.profile(readers.ann, blackListMobile=True)
    if not poll:
        readers.put("optout_1.csv", f"{readers.ann},0,1")
    round_(readers)
    assert readers.flags(readers.ann) == (True, False)
    # When consent is to flow both ways
    readers.use(direction="bidirectional")
    readers.read_all()
    while readers.ann in readers.waiting():  # others without polling are looked for for long
        readers.write()
    # Then it reaches Campaign
    assert readers.flags(readers.ann) == (True, True)


def test_what_was_written_without_an_answer_and_set_back_is_told_as_not_known(readers: ConsentReaders) -> None:
    # Given an opt-out of Campaign that reached Dynamics, whose answer was lost, and that somebody has set back since
    readers.settle()
    readers.wait(60)
    readers.profile(readers.ann, blackListEmail=True)
    readers.read_all()
    payload = readers.queue.peek(readers.ann)
    assert payload is not None
    lose_the_next_answer(readers)
    assert isinstance(write(readers, readers.ann, readers.store.now_ms(), payload), Unreachable)
    assert readers.admin.contacts()[readers.ann]["donotemail"] is True
    readers.wait(5)
    readers.contact(readers.ann, donotemail=False)
    # When the contact is looked at again
    write(readers, readers.ann, readers.store.now_ms(), payload)
    # Then the record does not say that it was not written
    assert readers.store.consent.of_contact(readers.ann)[-1].confirmed is Confirmed.UNKNOWN


def test_a_pair_that_is_taken_away_with_an_open_decision_is_forgotten(readers: ConsentReaders) -> None:
    # Given a decision whose answer was lost, and whose pair is then taken away
    readers.settle()
    readers.wait(60)
    readers.profile(readers.ann, blackListEmail=True)
    readers.read_all()
    payload = readers.queue.peek(readers.ann)
    assert payload is not None
    lose_the_next_answer(readers)
    write(readers, readers.ann, readers.store.now_ms(), payload)
    readers.use(flags=[{"dynamics": "followemail", "campaign": "blackListMobile", "opted_out": False}])
    round_(readers)
    # Then nothing is open any more
    [packed] = readers.store.consent.memories([readers.ann])
    assert packed is not None and set(unpack(packed).flags) == {"blackListMobile"}
    assert readers.store.consent.stats().open == 0
    # And a change of anything else is no news
    readers.wait(20)
    readers.profile(readers.ann, phone="1")
    readers.restart()
    readers.read_all()
    assert readers.ann not in readers.waiting()


def test_the_record_holds_the_time_that_campaign_told(readers: ConsentReaders) -> None:
    # Given the newest change counts, and Campaign's clock is half a minute behind
    readers.use(flags=[{"dynamics": "donotemail", "campaign": "blackListEmail", "policy": "newest"}])
    readers.settle()
    readers.wait(60)
    readers.admin.put("/switches", {"campaign_clock_offset": -30})
    readers.contact(readers.ann, donotemail=True)
    round_(readers)
    assert readers.flags(readers.ann) == (True, True)
    # When the contact opts in in Campaign, after that, with a time of before it
    readers.wait(10)
    readers.profile(readers.ann, blackListEmail=False)
    round_(readers)
    # Then it is the later change, and on record with Campaign's own time
    decision = readers.store.consent.of_contact(readers.ann)[0]
    assert (decision.rule, readers.flags(readers.ann)) == ("campaign-newer", (False, False))
    (_, dynamics_ms), (_, campaign_ms) = decision.dynamics, decision.campaign
    assert dynamics_ms is not None and campaign_ms is not None and campaign_ms < dynamics_ms


def test_a_push_flag_counts_from_the_last_change_of_its_profile_not_from_when_it_was_read(
    readers: ConsentReaders,
) -> None:
    # Given an opt-out on both sides, and an opt-in in Campaign while nobody reads
    readers.use(flags=PUSH)
    readers.settle()
    readers.wait(2)
    readers.contact(readers.ann, donotemail=True)
    round_(readers)
    readers.wait(30)
    readers.profile(readers.ann, blackListPushnotification=False)
    # When the record is changed in Dynamics later on, and only then somebody reads
    readers.wait(7200)
    readers.contact(readers.ann, donotfax=True)
    readers.wait(7200)
    round_(readers)
    # Then the record's change is the later one
    [profile] = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann]
    assert profile["blackListPushnotification"] is True
    assert readers.admin.contacts()[readers.ann]["donotemail"] is True


def lose_the_next_answer(readers: ConsentReaders) -> None:
    """What is written to Dynamics next is written, and nobody hears of it."""
    real = readers.dynamics.update_all

    def lost(*arguments: object, **options: object) -> None:
        readers.dynamics.update_all = real  # type: ignore[method-assign]
        real(*arguments, **options)  # type: ignore[arg-type]
        raise Unreachable("dynamics", "the answer was lost")

    readers.dynamics.update_all = lost  # type: ignore[method-assign,assignment]
