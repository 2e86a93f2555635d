"""Updates are handled: each once, in order chat by chat, in one transaction with all that it changes.

Any number of threads, processes and machines may call ``update_handle_next`` at once. The oldest waiting update of a
chat is locked until its transaction ends, and no later one of the chat can be taken before; the lock of the chat's
conversation keeps apart those that came out of order. Each attempt is counted and committed before it begins: whoever
dies leaves nothing but the update as it was, one attempt further, and one that kills every process is given up as well.
"""

import logging
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from bot.cache import TelegramCache, conversation_keys
from bot.dialogues.engine import Engine, parse_command
from bot.dialogues.registry import ENGINE
from bot.dialogues.standing import Standing
from bot.dialogues.turn import Reply, Turn
from bot.incoming import Incoming, ReceivedUpdate, read_incoming
from bot.languages import spoken
from bot.messages import Direction, MessageType, message_content
from bot.models import BotReply, BotUpdate, Conversation, Message, ReplyMethod, UserCommand
from bot.people import find_person
from exchanger.kernel.cache.invalidation import invalidate_on_commit

logger = logging.getLogger(__name__)

ALIAS: Final = "bot"
ATTEMPTS: Final = 6
FIRST_SECONDS: Final = 1.0
"""After so long, then twice as long, and so on: the last attempt is half a minute after the first."""

DIED: Final = "The process ended while it handled this."

LEFT: Final = ("kicked", "left")
MOST_ARGUMENTS: Final = 20

# The next attempt is put off as if this one had failed: should the process die, another one goes on then.
_BEGIN: Final = """
UPDATE bot_updates
SET attempts = attempts + 1, next_attempt_at = now() + %s * 2 ^ least(attempts, %s) * interval '1 second'
WHERE update_id = (
    SELECT update_id FROM bot_updates due
    WHERE handled_at IS NULL AND dead_at IS NULL AND next_attempt_at <= now() AND NOT EXISTS (
        SELECT FROM bot_updates earlier
        WHERE earlier.chat_id = due.chat_id AND earlier.update_id < due.update_id
          AND earlier.handled_at IS NULL AND earlier.dead_at IS NULL)
    ORDER BY update_id LIMIT 1 FOR UPDATE OF due SKIP LOCKED)
RETURNING *
"""
# Locked until the transaction ends, and made where it is not there yet. Whoever writes can be written to.
_LOCK_CONVERSATION: Final = """
INSERT INTO conversations (telegram_user_id, blocked_at) VALUES (%s, CASE WHEN %s THEN now() END)
ON CONFLICT (telegram_user_id) DO UPDATE SET blocked_at = excluded.blocked_at, updated_at = now()
RETURNING *
"""
_NOT_OF_A_MESSAGE: Final = ("chat", "from", "message_id")


def update_handle_next(*, engine: Engine = ENGINE) -> bool:
    """Handle the update whose turn it is; False where there is none.

    One whose handler fails, or whose process dies, is as it was, to be tried again later. After ATTEMPTS it is dead,
    and the person told.

    Raises:
        django.db.Error: the bot database does not answer; nothing was done but perhaps an attempt counted.
    """
    update = next(iter(BotUpdate.objects.raw(_BEGIN, [FIRST_SECONDS, ATTEMPTS])), None)
    if update is None:
        return False
    if update.attempts > ATTEMPTS:
        _give_up(update, DIED)
    else:
        _attempt(update, engine)
    return True


def _attempt(update: BotUpdate, engine: Engine) -> None:
    try:
        with transaction.atomic(using=ALIAS):
            # Its lock, until all is committed. Nobody's any more where another worker has begun meanwhile.
            if _as_begun(update).update(handled_at=Now()):
                _handle(_received(update), engine, recorded=update.retried_at is not None)
    except Exception as error:
        logger.exception("Update %s was not handled", update.pk)
        _fail(update, f"{type(error).__name__}: {error}")


def _handle(update: ReceivedUpdate, engine: Engine, *, recorded: bool) -> None:
    """``recorded``: it was given up before, and has become part of the conversation then."""
    incoming = read_incoming(update)
    conversation = _lock_conversation(incoming) if incoming.is_private and not incoming.is_bots else None
    turn = _turn(incoming, conversation)
    engine.respond(turn)
    if conversation is not None:
        if not recorded:
            _record(incoming, conversation)
        _save(conversation, turn)
    _queue(incoming.chat_id, conversation, turn.replies)


def _turn(incoming: Incoming, conversation: Conversation | None) -> Turn:
    standing, person = Standing(), None
    if conversation is not None:
        standing = Standing.read(conversation.state, conversation.context)
        person = find_person(conversation.telegram_user_id)
    chosen = standing.chosen_language(person.user_id if person else None)
    language = spoken(chosen, person.language if person else "", incoming.language_code)
    return Turn(incoming, person, language, timezone.now(), standing)


def _lock_conversation(incoming: Incoming) -> Conversation:
    has_left = incoming.kind == "my_chat_member" and incoming.member in LEFT
    return next(iter(Conversation.objects.raw(_LOCK_CONVERSATION, [incoming.chat_id, has_left])))


def _record(incoming: Incoming, conversation: Conversation) -> None:
    """What the person did becomes part of the conversation."""
    if incoming.kind == "my_chat_member":
        return
    if incoming.press is not None:
        message_type: str = MessageType.CALLBACK
        content = message_content(Direction.IN, data=incoming.press.data, text=incoming.press.label)
    else:
        message_type = incoming.media or MessageType.TEXT
        content = {name: value for name, value in incoming.fields.items() if name not in _NOT_OF_A_MESSAGE}
        content["direction"] = Direction.IN.value
    Message.objects.create(
        conversation_id=conversation.pk, message_id=incoming.message_id, message_type=message_type, content=content
    )
    command = parse_command(incoming.text) if incoming.kind == "message" else None
    if command is not None:
        name, arguments = command
        UserCommand.objects.create(
            telegram_user_id=conversation.telegram_user_id,
            command=f"/{name}",
            parameters={"arguments": arguments.split()[:MOST_ARGUMENTS]},
        )


def _save(conversation: Conversation, turn: Turn) -> None:
    """``user_id`` is a note for lists of conversations: who is linked is the identity database's to say."""
    user_id = turn.person.user_id if turn.person else None
    now = (turn.standing.state, turn.standing.context, user_id)
    if now == (conversation.state, conversation.context or {}, conversation.user_id):
        return
    Conversation.objects.filter(pk=conversation.pk).update(
        state=turn.standing.state, context=turn.standing.context, user_id=user_id
    )
    invalidate_on_commit(conversation_keys(conversation.telegram_user_id), using=ALIAS)


def _queue(chat_id: int, conversation: Conversation | None, replies: list[Reply]) -> None:
    BotReply.objects.bulk_create(
        BotReply(
            conversation_id=conversation.pk if conversation else None,
            chat_id=chat_id,
            method=reply.method,
            payload=reply.payload,
        )
        for reply in replies
    )


def _fail(update: BotUpdate, failure: str) -> None:
    failure = failure.replace("\0", "")[:1000]
    if update.attempts >= ATTEMPTS:
        _give_up(update, failure)
        return
    again = timezone.now() + timedelta(seconds=FIRST_SECONDS * 2 ** (update.attempts - 1))
    _as_begun(update).update(failure=failure, next_attempt_at=again)


@transaction.atomic(using=ALIAS)
def _give_up(update: BotUpdate, failure: str) -> None:
    given_up = _as_begun(update).update(dead_at=Now(), failure=failure, attempts=ATTEMPTS)
    # Should an apology have killed its process too, there is none; and one is enough, however often operators try.
    if given_up and update.attempts <= ATTEMPTS + 1 and update.retried_at is None:
        _apologise(_received(update))


def _as_begun(update: BotUpdate) -> QuerySet[BotUpdate]:
    """The update, unless another worker has begun with it since."""
    return BotUpdate.objects.filter(
        pk=update.pk, attempts=update.attempts, handled_at__isnull=True, dead_at__isnull=True
    )


def _apologise(update: ReceivedUpdate) -> None:
    """What could not be handled is part of the conversation all the same, and the person does not wait in vain."""
    incoming = read_incoming(update)
    if not incoming.is_private or incoming.is_bots or incoming.kind == "my_chat_member":
        return
    conversation = _lock_conversation(incoming)
    _record(incoming, conversation)
    known = TelegramCache().get_conversation(incoming.chat_id) or {}
    standing = Standing.read(known.get("state", ""), known.get("context"))
    with translation.override(spoken(standing.language, incoming.language_code)):
        text = _("Something went wrong, and I could not do this. Please try again a little later.")
    _queue(incoming.chat_id, conversation, [Reply(ReplyMethod.SEND, {"text": text})])


def _received(update: BotUpdate) -> ReceivedUpdate:
    return ReceivedUpdate(update.pk, update.chat_id, update.kind, update.body)
