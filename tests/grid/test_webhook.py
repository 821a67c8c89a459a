"""Signed webhooks in and out (threats T16, T17): what verifies, what is refused, how often it is sent."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from gridtide.domain.errors import ConfigurationError, RateLimited, Unauthorized
from gridtide.grid import webhook
from gridtide.grid.delivery import PAUSES_S, WebhookSender
from gridtide.grid.events import Event, EventBus, EventType
from gridtide.grid.transport import CheckedTransport
from gridtide.grid.webhook import WebhookKey, WebhookVerifier, sign
from gridtide.testing.clock import FakeClock

KEY = WebhookKey(b"k" * 32)
OTHER = WebhookKey(b"o" * 32)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = int(NOW.timestamp())
BODY = b'{"type":"intensity.updated"}'
EVENT = Event(type=EventType.INTENSITY_UPDATED, at=NOW, zone="GB", data={"value": 120.0, "unit": "gCO2eq/kWh"})


def headers(body=BODY, *, message_id="evt_1", stamp=STAMP, keys=(KEY,)):
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(keys, message_id, stamp, body),
    }


def cause_of(verifier, head, body=BODY):
    with pytest.raises(Unauthorized) as caught:
        verifier.verify(head, body)
    return caught.value.facts["cause"]


class TestSigning:
    def test_the_specifications_own_example_signs_as_published(self):
        """The vector that every Standard Webhooks library is tested with."""
        key = WebhookKey.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

        assert sign((key,), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}') == (
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        )

    def test_another_implementation_verifies_ours_and_we_verify_theirs(self):
        """The published Python library agrees in both directions."""
        library = pytest.importorskip("standardwebhooks", reason="the published verifier is not installed")
        theirs = library.Webhook(KEY.text)
        now = datetime.now(UTC)
        ours = headers(stamp=int(now.timestamp()))

        assert theirs.verify(BODY, ours) == json.loads(BODY)
        signature = theirs.sign("evt_9", now, BODY.decode())
        given = {"webhook-id": "evt_9", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
        assert WebhookVerifier((KEY,), FakeClock(now)).verify(given, BODY) == "evt_9"

    @pytest.mark.parametrize(
        "text", ["", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsec_" + "A" * 200]
    )
    def test_a_weak_or_broken_key_is_refused_without_repeating_it(self, text):
        """24 to 64 bytes of base64; the message holds none of it."""
        with pytest.raises(ConfigurationError) as caught:
            WebhookKey.parse(text)

        assert "24 to 64 bytes" in caught.value.message
        assert len(text) < 8 or text[6:] not in caught.value.message

    def test_a_key_shows_in_no_representation(self):
        """Neither raw nor encoded."""
        assert "k" * 8 not in repr(KEY)
        assert KEY.text not in repr(KEY)

    @pytest.mark.parametrize("count", [0, 3])
    def test_one_key_or_two_sign(self, count):
        """Three active keys are a mistake, none is no signature."""
        with pytest.raises(ConfigurationError, match="one, or two while changing"):
            sign((KEY,) * count, "evt_1", STAMP, BODY)


class TestVerifying:
    def test_a_genuine_message_passes_once(self):
        """The second time it is a replay."""
        verifier = WebhookVerifier((KEY,), FakeClock(NOW))

        assert verifier.verify(headers(), BODY) == "evt_1"
        assert cause_of(verifier, headers()) == "replay"

    def test_header_names_have_no_case(self):
        """Servers write them as they like."""
        upper = {name.upper(): value for name, value in headers().items()}

        assert WebhookVerifier((KEY,), FakeClock(NOW)).verify(upper, BODY) == "evt_1"

    @pytest.mark.parametrize(
        ("change", "cause"),
        [
            ({"webhook-id": ""}, "headers"),
            ({"webhook-id": "x" * 300}, "headers"),
            ({"webhook-timestamp": ""}, "headers"),
            ({"webhook-timestamp": "now"}, "headers"),
            ({"webhook-timestamp": "-1"}, "headers"),
            ({"webhook-timestamp": "²"}, "headers"),
            ({"webhook-timestamp": "9" * 400}, "timestamp"),
            ({"webhook-timestamp": str(STAMP - 301)}, "timestamp"),
            ({"webhook-timestamp": str(STAMP + 301)}, "timestamp"),
            ({"webhook-timestamp": str(STAMP + 1)}, "signature"),
            ({"webhook-id": "evt_2"}, "signature"),
            ({"webhook-signature": ""}, "signature"),
            ({"webhook-signature": "v1,"}, "signature"),
            ({"webhook-signature": "v1,ü"}, "signature"),
            ({"webhook-signature": "v2," + "A" * 44}, "signature"),
        ],
    )
    def test_any_change_is_refused(self, change, cause):
        """Id, time and signature belong together; age is limited both ways."""
        assert cause_of(WebhookVerifier((KEY,), FakeClock(NOW)), headers() | change) == cause

    def test_another_body_or_key_is_refused(self):
        """A swapped body and a stranger's key do not verify."""
        verifier = WebhookVerifier((KEY,), FakeClock(NOW))

        assert cause_of(verifier, headers(), BODY + b" ") == "signature"
        assert cause_of(verifier, headers(keys=(OTHER,))) == "signature"

    def test_both_keys_work_while_one_replaces_the_other(self):
        """A sender with either key, or both, is understood by a receiver with both."""
        verifier = WebhookVerifier((OTHER, KEY), FakeClock(NOW))
        for i, keys in enumerate([(KEY,), (OTHER,), (KEY, OTHER)]):
            assert verifier.verify(headers(message_id=f"evt_{i}", keys=keys), BODY)

        assert WebhookVerifier((KEY,), FakeClock(NOW)).verify(headers(keys=(OTHER, KEY)), BODY)

    def test_a_message_at_the_edge_of_the_tolerance_cannot_be_replayed_later(self):
        """Ids are kept longer than any timestamp stays fresh."""
        clock = FakeClock(NOW)
        verifier = WebhookVerifier((KEY,), clock)
        ahead = headers(stamp=STAMP + 300)
        verifier.verify(ahead, BODY)
        clock.advance(timedelta(seconds=599))
        assert cause_of(verifier, ahead) == "replay"
        clock.advance(timedelta(seconds=2))

        assert cause_of(verifier, ahead) == "timestamp"

    def test_a_stranger_cannot_fill_the_memory_and_a_friend_only_to_its_bound(self, monkeypatch):
        """Unsigned ids are not kept; with the memory full, new messages are refused, not old ones forgotten."""
        monkeypatch.setattr(webhook, "_MOST_IDS", 3)
        clock = FakeClock(NOW)
        verifier = WebhookVerifier((KEY,), clock)
        for i in range(10):
            cause_of(verifier, headers(message_id=f"bad_{i}", keys=(OTHER,)))
        for i in range(3):
            verifier.verify(headers(message_id=f"evt_{i}"), BODY)
        with pytest.raises(RateLimited):
            verifier.verify(headers(message_id="evt_4"), BODY)
        clock.advance(timedelta(seconds=601))

        assert verifier.verify(headers(message_id="evt_5", stamp=STAMP + 601), BODY) == "evt_5"


class Receiver:
    """An endpoint that answers from a script and keeps what it got."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.got = []

    def transport(self):
        return httpx2.MockTransport(self._answer)

    def _answer(self, request):
        self.got.append((dict(request.headers), request.content))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        status, extra = answer if isinstance(answer, tuple) else (answer, {})
        return httpx2.Response(status, headers=extra, content=b"ignored" * 100)


def sender(receiver, clock=None, **options):
    clock = clock or FakeClock(NOW)
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    made = WebhookSender(
        "https://hooks.example.org/gridtide",
        options.pop("keys", (KEY,)),
        clock,
        transport=receiver.transport(),
        sleep=sleep,
        rng=random.Random(1),
        **options,
    )
    return made, pauses, clock


class TestDelivering:
    async def test_a_delivered_event_verifies_at_the_other_end(self):
        """Id, fresh timestamp, signature over the exact bytes, and a body anybody may read."""
        receiver = Receiver(200)
        made, _, clock = sender(receiver, keys=(KEY, OTHER))
        delivery = await made.send(EVENT)
        head, body = receiver.got[0]

        assert (delivery.delivered, delivery.attempts, delivery.outcome) == (True, 1, "delivered")
        assert WebhookVerifier((OTHER,), clock).verify(head, body) == EVENT.id
        assert json.loads(body) == {
            "type": "intensity.updated",
            "timestamp": "2026-01-01T00:00:00Z",
            "data": {"zone": "GB", "value": 120.0, "unit": "gCO2eq/kWh"},
        }
        await made.aclose()

    async def test_passing_faults_are_tried_again_with_growing_pauses_and_one_id(self):
        """Every attempt is signed for its own time; the receiver can tell that it is one message."""
        receiver = Receiver(500, httpx2.ConnectError("down"), httpx2.ReadTimeout("slow"), 429, 204)
        made, pauses, _ = sender(receiver)
        delivery = await made.send(EVENT)

        assert (delivery.outcome, delivery.attempts, delivery.status) == ("delivered", 5, 204)
        assert all(0.8 * p <= pause <= 1.2 * p for p, pause in zip(PAUSES_S, pauses, strict=False))
        assert {head["webhook-id"] for head, _ in receiver.got} == {EVENT.id}
        assert len({head["webhook-timestamp"] for head, _ in receiver.got}) == 5

    async def test_attempts_are_capped(self):
        """Six attempts within an hour and a bit, then it is given up and counted."""
        receiver = Receiver(*[503] * 50)
        made, pauses, _ = sender(receiver)
        delivery = await made.send(EVENT)

        assert (delivery.outcome, delivery.attempts, len(receiver.got)) == ("given-up", 6, 6)
        assert sum(pauses) < 3600
        assert made.tally == {"given-up": 1}

    @pytest.mark.parametrize(
        ("status", "outcome"), [(410, "gone"), (400, "refused"), (401, "refused"), (404, "refused"), (302, "refused")]
    )
    async def test_a_final_answer_is_not_asked_again(self, status, outcome):
        """Neither gone nor wrong gets better by repeating; a redirect is never followed."""
        receiver = Receiver((status, {"location": "https://elsewhere.example.org/"}))
        made, pauses, _ = sender(receiver)
        delivery = await made.send(EVENT)

        assert (delivery.outcome, delivery.attempts, pauses) == (outcome, 1, [])

    @pytest.mark.parametrize(
        ("text", "at_least"),
        [
            ("90", 90),
            ("99999999", 3600),
            ("Thu, 01 Jan 2026 00:02:00 GMT", 120),
            ("Thu, 01 Jan 2020 00:00:00 GMT", 4),
            ("soon", 4),
            ("-5", 4),
        ],
    )
    async def test_the_receiver_may_ask_for_a_longer_pause(self, text, at_least):
        """Seconds or a date, at most an hour; nonsense counts as nothing."""
        made, pauses, _ = sender(Receiver((503, {"retry-after": text}), 200))
        await made.send(EVENT)

        assert at_least <= pauses[0] <= max(at_least, 6)

    async def test_no_secret_leaves_in_a_body_or_a_log(self, caplog):
        """Even if a credential got into an event's text."""
        receiver = Receiver(500, 200)
        made, _, _ = sender(receiver)
        leaky = Event(
            type=EventType.PROVIDER_DEGRADED, at=NOW, zone="GB", data={"was": f"api_key=canary-12345 {KEY.text}"}
        )
        with caplog.at_level(logging.DEBUG):
            await made.send(leaky)
        seen = b"".join(body for _, body in receiver.got).decode() + caplog.text + repr(made.__dict__)

        assert json.loads(receiver.got[0][1])["data"]["was"] == "api_key=*** ***"
        assert "canary-12345" not in seen
        assert KEY.text not in seen

    @pytest.mark.parametrize("url", ["http://hooks.example.org/", "https://169.254.169.254/", "https://x@y.example/"])
    def test_a_private_address_is_refused_when_it_is_configured(self, url):
        """Not when the first event comes."""
        with pytest.raises(ConfigurationError, match="is refused"):
            WebhookSender(url, (KEY,), FakeClock(NOW))

    async def test_a_name_that_leads_inside_is_blocked_at_sending(self, caplog):
        """The transport checks where the name leads; the message is dropped with a warning."""

        async def inside(host, port):
            return ("127.0.0.1",)

        made = WebhookSender(
            "https://hooks.example.org/", (KEY,), FakeClock(NOW), transport=CheckedTransport(resolver=inside)
        )
        delivery = await made.send(EVENT)

        assert (delivery.outcome, delivery.delivered) == ("blocked", False)
        assert "this machine" in caplog.text

    async def test_a_sender_follows_the_bus_until_the_receiver_is_gone(self):
        """In order, one message each."""
        receiver = Receiver(200, 200, 410)
        made, _, _ = sender(receiver)
        bus = EventBus()
        events = [
            Event(type=EventType.INTENSITY_UPDATED, at=NOW, zone="GB", data={"value": v}) for v in (1.0, 2.0, 3.0)
        ]

        task = asyncio.create_task(made.run(bus))
        await asyncio.sleep(0)
        bus.publish(*events)
        await asyncio.wait_for(task, 5)

        assert [json.loads(body)["data"]["value"] for _, body in receiver.got] == [1.0, 2.0, 3.0]
        assert len(bus) == 0


def test_ids_are_those_of_the_change_and_not_of_the_moment():
    """Two replicas that notice one change a minute apart send one message."""
    later = Event(type=EVENT.type, at=NOW + timedelta(minutes=1), zone="GB", data=dict(EVENT.data))
    other = Event(type=EVENT.type, at=NOW, zone="GB", data={**EVENT.data, "value": 121.0})

    assert later.id == EVENT.id
    assert other.id != EVENT.id
