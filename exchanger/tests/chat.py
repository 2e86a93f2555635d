"""Somebody who talks to the bot, update by update, while the bot asks a real web process over real HTTP."""

from bot.models import Conversation
from bot.tests.updates import CHAT, buttons, message, press, tell
from web.tests.factories import ExchangeRateFactory, PublishedConfigurationFactory

ACCOUNT = {"recipient": "Exchanger LLC", "iban": "UA903052992990004149123456789", "bank": "PrivatBank"}


def open_market(**changes):
    """What web needs to exchange; the rate."""
    PublishedConfigurationFactory(changes={"bank_accounts": {"USD": ACCOUNT}, **changes})
    return ExchangeRateFactory()


class Chat:
    """A private chat: what is said and pressed in it, and what is answered."""

    def __init__(self, chat_id=CHAT, language="en"):
        self.chat_id = chat_id
        self.language = language
        self.keyboard = {}

    def say(self, text):
        """The texts of the answers, joined by lines of ``--``."""
        return self._read(tell(self.typed(text)))

    def press(self, label):
        """The texts of the answers, what is shown over the chat among them."""
        return self._read(tell(self.pressed(label)))

    def typed(self, text):
        return message(text, chat_id=self.chat_id, language=self.language)

    def pressed(self, label):
        """The update of pressing a button of the last keyboard that was shown."""
        return press(self.keyboard[label], chat_id=self.chat_id, language=self.language)

    @property
    def labels(self):
        return list(self.keyboard)

    @property
    def state(self):
        return Conversation.objects.get(telegram_user_id=self.chat_id).state

    def _read(self, replies):
        for reply in replies:
            if "reply_markup" in reply.payload:
                self.keyboard = {button["text"]: button for button in buttons(reply)}
        return "\n--\n".join(reply.payload["text"] for reply in replies if "text" in reply.payload)
