"""Whole conversations: a bot in a thread or in processes of its own, the local Telegram, and people who talk to it."""

from bot.models import BotReply, BotUpdate
from bot.runner.process import BotProcess
from bot.tests.sending import BotCommand, in_thread


def settled():
    """Whether nothing waits to be handled or to be said."""
    updates = BotUpdate.objects.filter(handled_at=None, dead_at=None)
    return not updates.exists() and not BotReply.objects.filter(sent_at=None, dead_at=None).exists()


def talking(server, *, handlers=2, polls=True):
    """A bot in a thread of this process, until the block has ended."""
    return in_thread(server, lambda telegram: BotProcess(telegram, handlers=handlers, polls=polls))


class BotRun(BotCommand):
    """``manage.py runbot``."""

    def __init__(self, world, server, name, *arguments, **variables):
        super().__init__(world, server, f"bot-{name}", "runbot", *arguments, **variables)


class Talker:
    """Somebody who talks to the bot, and reads what it answers."""

    def __init__(self, server, chat_id, *, language="en"):
        self.server = server
        self.person = server.join(chat_id, language_code=language)
        self._read = 0

    @property
    def calls(self):
        """What the bot has done in the chat, in order: messages, and changes of messages."""
        wanted = ("sendMessage", "editMessageText")
        return [
            call
            for call in list(self.server.calls)
            if call.applied and call.method in wanted and call.chat_id == self.person.id
        ]

    def say(self, text):
        """What is answered first."""
        self.server.say(self.person, text)
        return self.hear()

    def hear(self):
        self._read += 1
        self.server.wait(lambda: len(self.calls) >= self._read)
        return self.calls[self._read - 1].text

    def keyboard(self):
        """The newest message with buttons: its id, and what each button carries."""
        messages = [
            (number, message)
            for (chat, number), message in self.server.api.chats.messages.items()
            if chat == self.person.id and "reply_markup" in message
        ]
        number, message = max(messages, key=lambda each: each[0])
        rows = message["reply_markup"]["inline_keyboard"]
        return number, {button["text"]: button["callback_data"] for row in rows for button in row}

    def press(self, label):
        """What is answered to the press, in the chat."""
        number, carried = self.keyboard()
        self.server.press(self.person, number, carried[label])
        return self.hear()
