"""A conversation's page: a chat that is read in parts of a bounded size, and in which nothing is HTML."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from admin_panel.tests.pages import address
from admin_panel.threads import PART, read_thread
from bot.messages import Direction, MessageType, message_content
from bot.tests.factories import ConversationFactory, MessageFactory
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("admin")
AT = datetime(2026, 5, 17, 23, 58, tzinfo=UTC)
MAY_SEE, MAY_READ = "bot.view_conversation", "bot.view_message"


def said(conversation, text, *, minutes=0, direction=Direction.IN, message_type=MessageType.TEXT, **fields):
    return MessageFactory(
        conversation=conversation,
        message_type=message_type,
        content=message_content(direction, text=text, **fields),
        sent_at=AT + timedelta(minutes=minutes),
    )


def chat(page):
    """The chat of a page: the ``thread-…`` class of each line and what is in it, without tags."""
    [found] = re.findall(r'<ol class="thread">(.*?)</ol>', page, re.DOTALL)
    lines = re.findall(r'<li class="thread-(\w+)">(.*?)</li>', found, re.DOTALL)
    return [(kind, " ".join(re.sub(r"<[^>]+>", " ", text).split())) for kind, text in lines]


def texts(thread):
    return [line.said.text for line in thread.lines]


def test_a_chat_reads_from_top_to_bottom_with_its_days_and_both_sides(operator):
    conversation = ConversationFactory(state="exchange.confirm", context={"from_currency": "EUR"})
    said(conversation, "/exchange")
    markup = {"inline_keyboard": [[{"text": "Yes"}, {"text": "No"}]]}
    said(conversation, "Is that right?", minutes=1, direction=Direction.OUT, reply_markup=markup)
    said(conversation, "Yes", minutes=3, message_type=MessageType.CALLBACK, data="exchange:yes")
    said(conversation, "", minutes=4, message_type="document", document={"file_name": "receipt.pdf"})
    page = operator.get(address("change", conversation)).text
    assert chat(page) == [
        ("day", "Sunday, 17 May 2026"),
        ("in", "/exchange 23:58"),
        ("out", "Is that right? Yes No 23:59"),
        ("day", "Monday, 18 May 2026"),
        ("in", "Pressed a button: Yes exchange:yes 00:01"),
        ("in", "attachment File: receipt.pdf 00:02"),
    ]
    assert "<code>/exchange</code>" in page
    assert page.count('<span class="bubble-button">') == 3
    assert "exchange.confirm" in page
    assert "from_currency" in page


def test_a_conversation_leads_to_the_client_and_to_each_message(operator):
    anna = UserFactory()
    conversation = ConversationFactory(user_id=anna.pk)
    message = said(conversation, "Hello")
    page = operator.get(address("change", conversation)).text
    assert f'<a href="{address("change", anna)}" class="text-link">{anna.email}</a>' in page
    assert address("change", message) in page


HOSTILE = "<script>alert(1)</script><b>bold</b>&amp;\u202eright to left"


@pytest.mark.parametrize("where", ["text", "caption", "file", "button", "data", "unreadable"])
def test_nothing_of_a_chat_becomes_html(operator, where):
    conversation = ConversationFactory(context={"note": HOSTILE}, state="<i>state</i>")
    content, kind = {
        "text": ({"text": HOSTILE}, "text"),
        "caption": ({"photo": [], "caption": HOSTILE}, "photo"),
        "file": ({"document": {"file_name": HOSTILE}}, "document"),
        "button": ({"text": "a", "reply_markup": {"inline_keyboard": [[{"text": HOSTILE}]]}}, "text"),
        "data": ({"text": HOSTILE, "data": HOSTILE}, MessageType.CALLBACK),
        "unreadable": ({"unknown": HOSTILE}, "text"),
    }[where]
    MessageFactory(conversation=conversation, message_type=kind, content=content)
    page = operator.get(address("change", conversation)).text
    assert "<script>alert" not in page
    assert "<b>bold" not in page
    assert "<i>state" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b&gt;bold&lt;/b&gt;&amp;amp;" in page


def test_a_long_conversation_is_read_in_parts_without_gap_or_repetition(operator):
    conversation = ConversationFactory()
    # Many share their time, as those that one transaction wrote do.
    for number in range(2 * PART + 7):
        said(conversation, f"m{number:03}", minutes=number // 30)
    stranger = MessageFactory()
    seen, before, parts = [], None, 0
    while True:
        thread = read_thread(conversation.pk, before=before)
        seen = texts(thread) + seen
        parts += 1
        if thread.older is None:
            break
        before = thread.older
    assert parts == 3
    assert sorted(seen) == [f"m{number:03}" for number in range(2 * PART + 7)]
    assert [int(text[1:]) // 30 for text in seen] == sorted(number // 30 for number in range(2 * PART + 7))
    assert texts(read_thread(conversation.pk, before=stranger.pk)) == texts(read_thread(conversation.pk))


def test_the_page_leads_to_the_older_part_and_back(operator):
    conversation = ConversationFactory()
    for number in range(PART + 1):
        said(conversation, f"m{number:03}", minutes=number)
    page = operator.get(address("change", conversation)).text
    assert "m000" not in page
    [older] = re.findall(r'href="(\?before=[^"]+)"', page)
    page = operator.get(address("change", conversation) + older).text
    assert [text for kind, text in chat(page) if kind == "in"] == ["m000 23:58"]
    assert "Newest messages" in page
    assert "?before=" not in page
    for nonsense in ("?before=nonsense", "?before="):
        assert "m050" in operator.get(address("change", conversation) + nonsense).text


def test_a_hundred_thousand_messages_cost_what_a_few_do(operator, statements, world):
    conversation, small = ConversationFactory(user_id=UserFactory().pk), ConversationFactory(user_id=UserFactory().pk)
    said(small, "Hello")
    bot = world.superuser("bot")
    for of in (conversation, ConversationFactory()):
        bot.execute(
            "INSERT INTO messages (conversation_id, message_id, message_type, content, sent_at)"
            ' SELECT %s, n, \'text\', \'{"text": "Hello", "direction": "in"}\', now() - n * interval \'1 second\''
            " FROM generate_series(1, 100000) n",
            [of.pk],
        )
    bot.execute("ANALYZE messages")
    operator.get(address("change", small))
    few = statements(lambda: operator.get(address("change", small)))
    many = statements(lambda: operator.get(address("change", conversation)))
    assert {alias: len(sent) for alias, sent in many.items()} == {alias: len(sent) for alias, sent in few.items()}
    assert (len(many["bot"]), len(many["identity"]), len(many["web"])) == (2, 1, 0)
    oldest = read_thread(conversation.pk).older
    older = statements(lambda: read_thread(conversation.pk, before=oldest))["bot"]
    assert len(older) == 2
    for sent in (many["bot"][1], older[1]):
        assert f"LIMIT {PART + 1}" in sent
        plan = "\n".join(line for (line,) in bot.execute(f"EXPLAIN {sent}").fetchall())
        assert "idx_messages_conversation" in plan
        assert "Sort" not in plan


def test_who_may_see_conversations_and_not_messages_reads_none(operator_with):
    conversation = ConversationFactory()
    said(conversation, "A secret")
    page = operator_with(MAY_SEE).get(address("change", conversation)).text
    assert "A secret" not in page
    assert 'class="thread"' not in page
    assert "A secret" in operator_with(MAY_SEE, MAY_READ).get(address("change", conversation)).text
    assert operator_with(MAY_READ).get(address("change", conversation)).status_code == 403


def test_an_empty_conversation_says_so(operator):
    assert "Nothing was said yet." in operator.get(address("change", ConversationFactory())).text


def test_the_page_changes_nothing(operator, everything):
    conversation = ConversationFactory()
    said(conversation, "Hello")
    page = reverse("admin:bot_conversation_change", args=[conversation.pk])
    operator.get(page)
    before = everything()
    operator.get(page)
    assert operator.post(page, {"state": "idle"}).status_code == 403
    assert everything() == before
