"""From a kind of mail and a person to a message: plain text, and the same in simple HTML."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from exchanger.kernel.contexts import SPECS as CONTEXTS
from exchanger.kernel.contexts import Context
from identity.mails.kinds import SPECS, MailKind, MailSpec, MailText
from identity.models import User


def mail_send(kind: MailKind, user: User) -> bool:
    """Send ``kind`` to ``user`` in the person's language; False when the mail has no reason any more.

    Raises:
        OSError (SMTPException among them): the mail server did not take it.
    """
    spec = SPECS[kind]
    if not spec.is_due(user):
        return False
    language = _language(user)
    with translation.override(language):
        message = _message(spec.text(user), user, _link(spec, user), language)
    message.send()
    return True


def _message(text: MailText, user: User, link: str, language: str) -> EmailMultiAlternatives:
    after = text.after or []
    linked = [f"{text.action}: {link}"] if link else []
    plain = "\n\n".join([*text.before, *linked, *after, "Exchanger"]) + "\n"
    message = EmailMultiAlternatives(text.subject, plain, to=[user.email])
    html = render_to_string("identity/mail.html", {"text": text, "after": after, "link": link, "language": language})
    message.attach_alternative(html, "text/html")
    return message


def _link(spec: MailSpec, user: User) -> str:
    """The page's address with a token made now, or "" where the mail has no link."""
    if spec.purpose is None:
        return ""
    page = reverse(spec.page, urlconf=CONTEXTS[Context.WEB].urlconf)
    return f"{settings.PUBLIC_WEB_URL.rstrip('/')}{page}?{urlencode({'token': spec.purpose.make(user)})}"


def _language(user: User) -> str:
    profile = getattr(user, "profile", None)
    known = dict(settings.LANGUAGES)
    return profile.language if profile is not None and profile.language in known else settings.LANGUAGE_CODE
