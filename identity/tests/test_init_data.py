"""Only what Telegram has signed for our bot is believed, and only while it is new."""

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest

from identity.init_data import InvalidInitData, verify_init_data
from identity.tests.init_data import TOKEN, fields_of, init_data, signed

pytestmark = pytest.mark.context("telegram")

# Published by the Telegram Mini Apps project with the tokens of two bots; Telegram's own servers have signed both.
OLDER = (
    "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8",
    (
        "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%22%2C%22last_name"
        "%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue"
        "%7D&auth_date=1662771648&hash=c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2"
    ),
    1662771648,
)
WITH_SIGNATURE = (
    "7342037359:AAFZehRPBRs8Seg40oDjTMIW8uTGPuW1zfQ",
    (
        "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C%22last_name%22%3A%22"
        "Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue%2C%22"
        "allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%2F"
        "4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg%22%7D&chat_instance=8134722200314281151&chat_type=private&"
        "auth_date=1733584787&signature=zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6ML"
        "IlADQ&hash=2174df5b000556d044f3f020384e879c8efcab55ddea2ced4eb752e93e7080d6"
    ),
    1733584787,
)


@pytest.mark.parametrize(("token", "text", "seconds"), [OLDER, WITH_SIGNATURE], ids=["older", "with signature"])
def test_what_telegrams_servers_have_signed_is_believed(token, text, seconds):
    then = datetime.fromtimestamp(seconds, UTC)
    found = verify_init_data(text, token=token, now=then)
    assert found.telegram_user_id == 279058397
    assert found.good_until == then + timedelta(hours=1)
    with pytest.raises(InvalidInitData, match="has not signed this for our bot"):
        verify_init_data(text, token=TOKEN, now=then)


@pytest.mark.parametrize(("token", "text", "seconds"), [OLDER, WITH_SIGNATURE], ids=["older", "with signature"])
def test_every_field_is_under_the_signature(token, text, seconds):
    then = datetime.fromtimestamp(seconds, UTC)
    fields = dict(parse_qsl(text))
    for name in fields:
        for changed in ({**fields, name: fields[name] + "0"}, {key: fields[key] for key in fields if key != name}):
            with pytest.raises(InvalidInitData):
                verify_init_data(urlencode(changed), token=token, now=then)
    with pytest.raises(InvalidInitData):
        verify_init_data(f"{text}&more=1", token=token, now=then)


def test_the_helper_of_the_tests_signs_as_telegram_does():
    for token, text, _ in (OLDER, WITH_SIGNATURE):
        fields = dict(parse_qsl(text))
        del fields["hash"]
        assert dict(parse_qsl(signed(fields, token))) == dict(parse_qsl(text))


@pytest.mark.parametrize("age", [0, 3500, -50])
def test_it_is_believed_for_an_hour_and_from_a_clock_that_is_a_little_ahead(age):
    assert verify_init_data(init_data(age=age), token=TOKEN).telegram_user_id == 5001


@pytest.mark.parametrize("age", [3601, 86400, -70, -3600])
def test_what_is_older_than_an_hour_or_from_the_future_is_refused(age):
    with pytest.raises(InvalidInitData, match="too long ago"):
        verify_init_data(init_data(age=age), token=TOKEN)


def test_the_end_of_the_hour_is_exact(settings):
    settings.TELEGRAM_INIT_DATA_SECONDS = 100
    text = signed(fields_of() | {"auth_date": "1700000000"})
    last = datetime.fromtimestamp(1700000099, UTC)
    assert verify_init_data(text, token=TOKEN, now=last).good_until == last + timedelta(seconds=1)
    with pytest.raises(InvalidInitData):
        verify_init_data(text, token=TOKEN, now=last + timedelta(seconds=1))


def test_the_order_and_the_way_of_encoding_make_no_other_data():
    text = init_data()
    backwards = "&".join(reversed(text.split("&")))
    encoded = "".join(f"%{byte:02X}" if chr(byte).isalpha() else chr(byte) for byte in b"auth_date")
    assert verify_init_data(backwards, token=TOKEN) == verify_init_data(text, token=TOKEN)
    assert verify_init_data(text.replace("auth_date", encoded), token=TOKEN) == verify_init_data(text, token=TOKEN)


def test_a_field_that_is_there_twice_is_refused_wherever_it_stands():
    text = init_data()
    for doubled in (f"user=%7B%22id%22%3A1%7D&{text}", f"{text}&user=%7B%22id%22%3A1%7D", f"{text}&{text}"):
        with pytest.raises(InvalidInitData, match="not what a Mini App is given"):
            verify_init_data(doubled, token=TOKEN)


def test_fields_cannot_be_drawn_together_or_taken_apart():
    fields = fields_of()
    text = signed(fields)
    hashed = dict(parse_qsl(text))["hash"]
    joined = {name: value for name, value in fields.items() if name not in ("signature", "user")}
    joined["query_id"] += f"\nsignature={fields['signature']}\nuser={fields['user']}"
    for forged in (joined, {**fields, "user": fields["user"] + "\nx"}, {**fields, "USER": "1"}, {**fields, "a=b": "1"}):
        with pytest.raises(InvalidInitData):
            verify_init_data(urlencode({**forged, "hash": hashed}), token=TOKEN)
        with pytest.raises(InvalidInitData):  # and neither when Telegram itself would have signed it
            verify_init_data(signed(forged), token=TOKEN)


@pytest.mark.parametrize(
    "text",
    ["", " ", "hash", "hash=", "a&b", "&&", "=", "hash=%ff", "\ud800", "user=%00", "hash=" + "é" * 64, "x=1&" * 100],
)
def test_what_is_no_init_data_is_refused(text):
    with pytest.raises(InvalidInitData):
        verify_init_data(text, token=TOKEN)


@pytest.mark.parametrize("written", [str.upper, lambda found: found[:-1], lambda found: found + "0", lambda found: ""])
def test_the_hash_is_taken_as_telegram_writes_it(written):
    found = dict(parse_qsl(init_data()))
    with pytest.raises(InvalidInitData):
        verify_init_data(urlencode({**found, "hash": written(found["hash"])}), token=TOKEN)


@pytest.mark.parametrize("auth_date", ["", "now", "-1", "1e9", "١٧٠٠٠٠٠٠٠٠", "9" * 12, "seconds with a fraction"])
def test_a_time_that_is_none_is_refused_though_it_is_signed(auth_date):
    if auth_date == "seconds with a fraction":
        auth_date = f"{time.time()}"
    with pytest.raises(InvalidInitData):
        verify_init_data(signed(fields_of() | {"auth_date": auth_date}), token=TOKEN)


@pytest.mark.parametrize(
    "user",
    [
        "",
        "null",
        "[]",
        "7",
        "{}",
        '{"id": "7"}',
        '{"id": true}',
        '{"id": 0}',
        '{"id": 1.5}',
        '{"id": 1e30}',
        '{"id": 9223372036854775808}',
        "{",
    ],
)
def test_who_is_nobody_is_refused_though_it_is_signed(user):
    with pytest.raises(InvalidInitData, match="who you are"):
        verify_init_data(signed(fields_of() | {"user": user}), token=TOKEN)


def test_the_digest_tells_nothing_of_the_data():
    text = init_data()
    digest = verify_init_data(text, token=TOKEN).digest
    assert digest not in text
    assert dict(parse_qsl(text))["hash"] not in digest
