"""What a row of ``messages`` is read as, whatever somebody sent."""

import pytest

from bot.messages import TEXT_LIMIT, Direction, MessageType, is_sendable, message_content, read_message


def test_a_command_is_told_from_what_the_bot_writes():
    assert read_message("text", message_content(Direction.IN, text="/rates")).is_command
    assert not read_message("text", message_content(Direction.OUT, text="/rates – rates")).is_command
    assert not read_message("text", message_content(Direction.IN, text="5/6")).is_command


def test_buttons_are_read_from_both_keyboards():
    inline = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "Site", "url": "https://a"}]]}
    said = read_message("text", message_content(Direction.OUT, text="Sure?", reply_markup=inline))
    assert said.buttons == (("Yes", "Site"),)
    keyboard = {"keyboard": [["USD", "EUR"], [{"text": "UAH"}]]}
    said = read_message("text", message_content(Direction.OUT, text="Which?", reply_markup=keyboard))
    assert said.buttons == (("USD", "EUR"), ("UAH",))


def test_a_pressed_button_says_what_stood_on_it_and_what_it_carries():
    said = read_message(MessageType.CALLBACK, message_content(Direction.IN, text="/Yes", data="exchange:yes"))
    assert (said.text, said.pressed, said.is_command) == ("/Yes", "exchange:yes", False)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"photo": [{"file_id": "a"}]}, "Photo"),
        ({"document": {"file_name": "receipt.pdf"}}, "File: receipt.pdf"),
        ({"animation": {"file_id": "a"}, "document": {"file_name": "a.gif"}}, "Animation"),
        ({"venue": {"title": "Cafe"}, "location": {"latitude": 1}}, "Place: Cafe"),
        ({"contact": {"phone_number": "+380"}}, "Contact: +380"),
        ({"sticker": {"emoji": "👍"}}, "Sticker: 👍"),
        ({"voice": None}, "Voice message"),
    ],
)
def test_what_is_sent_beside_text_is_a_placeholder_that_names_it(fields, told):
    said = read_message(next(iter(fields)), message_content(Direction.IN, **fields, caption="Look"))
    assert (said.media, said.text) == (told, "Look")


@pytest.mark.parametrize(
    "content",
    [None, 7, "text", [], {}, {"text": 5}, {"direction": "sideways"}, {"reply_markup": {"keyboard": [7, [8], "x"]}}],
)
def test_what_cannot_be_read_is_shown_as_it_is(content):
    said = read_message("text", content)
    assert said.text
    assert (said.direction, said.buttons, said.media, said.pressed) == (Direction.IN, (), "", None)


def test_a_text_longer_than_telegrams_is_cut():
    said = read_message("text", message_content(Direction.IN, text="a" * (TEXT_LIMIT + 1)))
    assert said.text == "a" * TEXT_LIMIT + "…"


@pytest.mark.parametrize(
    ("text", "taken"),
    [("Hello", True), ("", False), (" \n", False), ("a" * 4096, True), ("a" * 4097, False), ("👍" * 2049, False)],
)
def test_a_text_is_measured_as_telegram_measures_it(text, taken):
    assert is_sendable(text) == taken
