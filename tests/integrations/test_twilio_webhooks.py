"""Who signed a webhook, and what it says."""

import base64
import hashlib
import hmac
from uuid import UUID

import pytest
from django.http import QueryDict
from django.test import RequestFactory

from integrations.messaging import DeliveryState, Remedy
from integrations.twilio import errors, webhooks

# The example of Twilio's documentation on webhook security, as published: another address or number would
# have another signature. Nothing is sent to either.
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def signed(signature: str) -> dict[str, str]:
    return {"X-Twilio-Signature": signature}


def test_the_published_example_verifies() -> None:
    assert webhooks.verify(URL, FIELDS, signed(SIGNATURE), ("12345",))


def test_the_secondary_token_verifies_during_a_rotation() -> None:
    assert webhooks.verify(URL, FIELDS, signed(SIGNATURE), ("new token", "12345"))


@pytest.mark.parametrize(
    ("url", "fields", "headers", "tokens"),
    [
        (URL, FIELDS, {}, ("12345",)),
        (URL, FIELDS, signed(""), ("12345",)),
        (URL, FIELDS, signed(SIGNATURE), ()),
        (URL, FIELDS, signed(SIGNATURE), ("",)),
        (URL, FIELDS, signed(SIGNATURE), ("other",)),
        (URL + "&x=1", FIELDS, signed(SIGNATURE), ("12345",)),
        (URL, {**FIELDS, "Digits": "9"}, signed(SIGNATURE), ("12345",)),
        (URL, {**FIELDS, "New": "field"}, signed(SIGNATURE), ("12345",)),
        (URL, FIELDS, signed("ärger"), ("12345",)),
    ],
)
def test_anything_else_does_not(
    url: str, fields: dict[str, str], headers: dict[str, str], tokens: tuple[str, ...]
) -> None:
    assert not webhooks.verify(url, fields, headers, tokens)


def test_repeated_names_of_a_form_post_count() -> None:
    fields = QueryDict("Name=b&Name=a&Empty=")
    text = URL + "Empty" + "Name" + "a" + "Name" + "b"
    signature = base64.b64encode(hmac.new(b"12345", text.encode(), hashlib.sha1).digest()).decode()
    assert webhooks.verify(URL, fields, signed(signature), ("12345",))


def test_a_shared_key_signs_with_sha256_and_auth_tokens_do_not_pass_for_it() -> None:
    text = URL + "".join(name + FIELDS[name] for name in sorted(FIELDS))
    signature = base64.b64encode(hmac.new(b"shared", text.encode(), hashlib.sha256).digest()).decode()
    headers = {
        **signed(signature),
        "X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
    }
    assert webhooks.verify(URL, FIELDS, headers, (), ("shared",))
    assert not webhooks.verify(URL, FIELDS, headers, ("shared",), ())
    unknown = {**headers, "X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_MD5"}
    assert not webhooks.verify(URL, FIELDS, unknown, ("shared",), ("shared",))


def test_a_signature_without_its_header_is_not_held_to_the_shared_key() -> None:
    assert not webhooks.verify(URL, FIELDS, signed(SIGNATURE), (), ("12345",))


def test_the_address_is_ours_whatever_the_client_claims(settings: object) -> None:
    settings.PUBLIC_URL = "https://app.example"  # type: ignore[attr-defined]
    request = RequestFactory().post(
        "/webhooks/twilio/messages/status/1?a=%20b", headers={"Host": "evil.example"}
    )
    assert webhooks.public_url(request) == "https://app.example/webhooks/twilio/messages/status/1?a=%20b"


ATTEMPT = UUID("0192d2c0-0000-7000-8000-000000000001")


def status(word: str, code: str = "") -> dict[str, str]:
    fields = {"MessageSid": "SM1", "MessageStatus": word}
    return {**fields, "ErrorCode": code} if code else fields


@pytest.mark.parametrize(
    ("word", "code", "state", "remedy"),
    [
        ("queued", "", DeliveryState.ACCEPTED, Remedy.NONE),
        ("sending", "", DeliveryState.ACCEPTED, Remedy.NONE),
        ("sent", "", DeliveryState.SENT, Remedy.NONE),
        ("delivered", "", DeliveryState.DELIVERED, Remedy.NONE),
        ("read", "", DeliveryState.DELIVERED, Remedy.NONE),
        ("canceled", "", DeliveryState.CANCELLED, Remedy.NONE),
        ("undelivered", "30006", DeliveryState.FAILED, Remedy.NO_TEXTS),
        ("undelivered", "30007", DeliveryState.REJECTED, Remedy.REVIEW_CONTENT),
        ("undelivered", "21610", DeliveryState.REJECTED, Remedy.OPTED_OUT),
        ("failed", "30036", DeliveryState.EXPIRED, Remedy.ONCE_MORE),
        ("failed", "30001", DeliveryState.EXPIRED, Remedy.ONCE_MORE),
        ("failed", "20429", DeliveryState.FAILED, Remedy.NONE),
        ("undelivered", "31999", DeliveryState.FAILED, Remedy.NONE),
        ("failed", "", DeliveryState.FAILED, Remedy.NONE),
        ("brand_new", "", DeliveryState.ACCEPTED, Remedy.NONE),
    ],
)
def test_a_status_is_understood(word: str, code: str, state: DeliveryState, remedy: Remedy) -> None:
    report = webhooks.parse_status(status(word, code), ATTEMPT)
    assert (report.provider_id, report.attempt_id, report.state, report.remedy) == (
        "SM1",
        ATTEMPT,
        state,
        remedy,
    )
    assert bool(report.meaning) == (word in ("failed", "undelivered"))


def test_ranks_rise_along_the_life_of_a_message_and_an_unknown_status_never_wins() -> None:
    life = ["brand_new", "accepted", "queued", "sending", "sent", "delivered", "read"]
    ranks = [webhooks.parse_status(status(word), None).rank for word in life]
    assert ranks == sorted(set(ranks))
    finals = {webhooks.RANKS[word] for word in ("delivered", "undelivered", "failed", "canceled")}
    assert len(finals) == 1, "the first final status stays"


def test_a_status_event_is_told_apart_by_sid_status_and_code() -> None:
    ids = {webhooks.status_event_id(status(w, c)) for w, c in [("sent", ""), ("failed", ""), ("failed", "1")]}
    assert len(ids) == 3


def test_an_inbound_text_is_read_with_its_media_and_unknown_fields() -> None:
    fields = QueryDict(
        "MessageSid=SM2&From=%2B15125550142&To=%2B15125550100&Body=STOP&NumMedia=2&OptOutType=STOP"
        "&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2Fa&MediaUrl1=https%3A%2F%2Fapi.twilio.com%2Fb&New=1"
    )
    text = webhooks.parse_inbound(fields)
    assert (text.provider_id, text.from_, text.to, text.body) == (
        "SM2",
        "+15125550142",
        "+15125550100",
        "STOP",
    )
    assert text.media == ("https://api.twilio.com/a", "https://api.twilio.com/b")
    assert text.opt_out_type == "STOP"
    assert text.raw["New"] == "1"


def test_every_code_that_decides_names_a_final_state() -> None:
    final = {DeliveryState.FAILED, DeliveryState.REJECTED, DeliveryState.EXPIRED}
    undecided = {code for code, verdict in errors.CODES.items() if verdict.state is None}
    assert undecided == {"20429", "21611"}
    assert all(v.state in final and v.meaning for c, v in errors.CODES.items() if c not in undecided)
