"""The mails of an account: their languages and links, what their jobs hold, and a mail server that fails."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.core import mail

from exchanger.kernel.contexts import ForeignContext
from exchanger.local.paths import CHECKOUT
from exchanger.testing.jobs import run_jobs
from exchanger.testing.processes import process_environment
from exchanger.testing.smtp import mail_server
from exchanger.tests.test_worker import wait_for
from identity.mails.kinds import MailKind
from identity.models import User
from identity.services.accounts import account_register, email_verification_request
from identity.services.mails import mail_request
from identity.services.passwords import password_reset_request
from identity.tests.accounts import NEW_PASSWORD, everything, link, login, post, token
from identity.tests.factories import PASSWORD, UserFactory
from identity.tokens import RESET

web = pytest.mark.context("web")
ANNA = "anna@example.com"
WITHOUT_LINK = {MailKind.PASSWORD_CHANGED, MailKind.TELEGRAM_LINKED, MailKind.TELEGRAM_UNLINKED}


def jobs(world):
    found = world.superuser("web").execute(
        "SELECT task_name, status, attempts, args::text FROM procrastinate_jobs ORDER BY id"
    )
    return found.fetchall()


def html(message):
    [(content, kind)] = message.alternatives
    assert kind == "text/html"
    return content


# --- What they say


@web
@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        ("en", "Set a new password", "The link is good for one hour, and once."),
        ("uk", "Задати новий пароль", "Посилання діє одну годину і лише один раз."),
        ("ru", "Задать новый пароль", "Ссылка действует один час и только один раз."),
    ],
)
def test_a_mail_is_in_its_readers_language_as_text_and_as_html(language, subject, said, read_mail):
    user = UserFactory(profile__language=language)
    mail_request(kind=MailKind.RESET, user_id=user.pk)
    [message] = read_mail()
    assert message.subject == subject
    assert said in message.body
    assert said in html(message)
    assert f'lang="{language}"' in html(message)
    assert f'href="{link(message)}"' in html(message)


@web
@pytest.mark.parametrize("kind", list(MailKind))
@pytest.mark.parametrize("language", ["en", "uk", "ru"])
def test_every_mail_is_whole_in_every_language_and_no_two_are_alike(kind, language, read_mail):
    user = UserFactory(profile__language=language, profile__display_name="<b>Anna</b>", email_verified=False)
    mail_request(kind=kind, user_id=user.pk)
    [message] = read_mail()
    assert message.to == [user.email]
    assert ("http" in message.body) is (kind not in WITHOUT_LINK)
    assert "Anna" not in message.body + html(message)  # whoever registered somebody else chose that name
    assert "None" not in message.body


@web
@pytest.mark.parametrize("kind", [MailKind.PASSWORD_CHANGED, MailKind.TELEGRAM_LINKED])
@pytest.mark.parametrize("language", ["en", "uk", "ru"])
def test_a_linked_telegram_account_is_named_by_its_last_digits_with_how_to_unlink_it(kind, language, read_mail):
    user = UserFactory(profile__language=language, profile__telegram_user_id=7_001_234_067)
    mail_request(kind=kind, user_id=user.pk)
    [message] = read_mail()
    for text in (message.body, html(message)):
        assert "***067" in text
        assert "7001234067" not in text
        assert "/unlink" in text


@web
def test_who_has_linked_none_is_told_of_none(read_mail):
    mail_request(kind=MailKind.PASSWORD_CHANGED, user_id=UserFactory().pk)
    [message] = read_mail()
    assert "Telegram" not in message.body


@web
def test_a_link_leads_to_the_web_applications_public_address_and_its_token_goes_to_the_api_too(settings, read_mail):
    settings.PUBLIC_WEB_URL = "https://exchange.example.com/"
    user = UserFactory(email_verified=False)
    mail_request(kind=MailKind.VERIFICATION, user_id=user.pk)
    [message] = read_mail()
    address = urlsplit(link(message))
    assert (address.scheme, address.netloc, address.path) == ("https", "exchange.example.com", "/account/verify")
    assert post("email/verify", {"token": token(message)}).status_code == 204


@web
def test_an_address_confirmed_in_the_meantime_gets_no_mail(read_mail):
    mail_request(kind=MailKind.VERIFICATION, user_id=UserFactory().pk)
    assert read_mail() == []


# --- What their jobs hold, and who may ask for them


@web
def test_no_job_holds_a_token_an_address_or_a_password(world):
    user = UserFactory(email=ANNA, email_verified=False)
    post("register", {"email": "new@example.com", "password": PASSWORD})
    post("register", {"email": ANNA, "password": NEW_PASSWORD})
    post("password/reset", {"email": ANNA})
    post("email/resend", {"email": ANNA})
    made = User.objects.get(email="new@example.com")
    assert [(name, args) for name, _, _, args in jobs(world)] == [
        ("accounts.mail", f'{{"kind": "{kind}", "user_id": "{user_id}"}}')
        for kind, user_id in (
            ("verification", made.pk),
            ("registered_again", user.pk),
            ("reset", user.pk),
            ("verification", user.pk),
        )
    ]


@web
def test_a_person_who_is_gone_gets_no_mail_and_the_job_is_done(world, read_mail):
    mail_request(kind=MailKind.RESET, user_id=UserFactory.build().pk)
    assert read_mail() == []
    assert [status for _, status, *_ in jobs(world)] == ["succeeded"]


@pytest.mark.parametrize("context", ["admin", "telegram"])
def test_only_the_web_application_opens_accounts_and_sends_tokens(context, as_context, world):
    UserFactory(email=ANNA)
    before = everything(world)
    with as_context(context):
        for ask in (
            lambda: account_register(email="new@example.com", password=PASSWORD, display_name="", language="en"),
            lambda: email_verification_request(email=ANNA),
            lambda: password_reset_request(email=ANNA),
        ):
            with pytest.raises(ForeignContext):
                ask()
        for path in ("register", "email/verify", "email/resend", "password/reset", "password/reset/confirm", "profile"):
            assert post(path, {"email": ANNA, "password": PASSWORD, "token": "x"}).status_code == 404
    assert everything(world) == before


@pytest.fixture
def no_queue(_marked_context, world):
    queue = world.superuser("web")
    queue.execute("REVOKE INSERT ON procrastinate_jobs FROM exchanger_web")
    yield
    queue.execute("GRANT INSERT ON procrastinate_jobs TO exchanger_web")


@web
def test_without_the_queue_a_new_account_waits_for_the_next_attempt(no_queue, world, read_mail):
    answer = post("register", {"email": ANNA, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    world.superuser("web").execute("GRANT INSERT ON procrastinate_jobs TO exchanger_web")
    assert post("register", {"email": ANNA, "password": PASSWORD}).status_code == 202
    assert [message.subject for message in read_mail()] == ["You already have an account"]


@web
@pytest.mark.usefixtures("no_queue")
def test_without_the_queue_a_password_is_replaced_all_the_same(world):
    user = User.objects.get(pk=UserFactory().pk)
    sent = {"token": RESET.make(user), "password": NEW_PASSWORD}
    assert post("password/reset/confirm", sent).status_code == 204
    assert login(user.email, NEW_PASSWORD).status_code == 200
    assert jobs(world) == []


# --- A mail server that fails


@pytest.fixture
def smtp(_marked_context, settings):
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.port, False
        yield server


def retry_now(world):
    """What waits for its time has waited long enough."""
    world.superuser("web").execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
    run_jobs()


@web
def test_a_mail_server_that_is_away_or_busy_is_asked_again_later_and_the_mail_arrives_once(world, smtp, settings):
    settings.EMAIL_PORT, up = 1, settings.EMAIL_PORT
    assert post("register", {"email": ANNA, "password": PASSWORD}).status_code == 202
    run_jobs()
    assert [(status, attempts) for _, status, attempts, _ in jobs(world)] == [("todo", 1)]
    run_jobs()  # not yet: it waits longer each time
    assert [attempts for _, _, attempts, _ in jobs(world)] == [1]
    settings.EMAIL_PORT, smtp.refusal = up, "450 busy"
    retry_now(world)
    assert [(status, attempts) for _, status, attempts, _ in jobs(world)] == [("todo", 2)]
    smtp.refusal = ""
    retry_now(world)
    retry_now(world)
    assert [status for _, status, *_ in jobs(world)] == ["succeeded"]
    [message] = smtp.messages
    assert (message["To"], message["Subject"]) == (ANNA, "Confirm your e-mail address")


@web
def test_an_address_that_takes_no_mail_is_not_tried_again(world, smtp):
    smtp.refusal = "550 no such mailbox"
    post("register", {"email": ANNA, "password": PASSWORD})
    run_jobs()
    assert [status for _, status, *_ in jobs(world)] == ["succeeded"]
    assert smtp.messages == []


def test_a_worker_of_its_own_sends_what_a_request_asked_for(as_context, world):
    with as_context("web"):
        assert post("register", {"email": ANNA, "password": PASSWORD, "language": "uk"}).status_code == 202
        assert not hasattr(mail, "outbox") or mail.outbox == []
    log = world.paths.logs / "worker-mail.log"
    with mail_server() as server, log.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=CHECKOUT,
            env={
                **process_environment("web", world.environments),
                "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "EMAIL_HOST": "127.0.0.1",
                "EMAIL_PORT": str(server.port),
                "EMAIL_USE_TLS": "false",
            },
            stdout=output,
            stderr=output,
        )
        try:
            wait_for(lambda: server.messages, worker, log)
        finally:
            worker.terminate()
            assert worker.wait(timeout=30) == 0, log.read_text()
    [message] = server.messages
    assert message["Subject"].strip() == "Підтвердьте адресу електронної пошти"
    body = message.get_body(("plain",)).get_content()
    sent = body.split("token=")[1].split()[0].replace("%3A", ":")
    with as_context("web"):
        assert post("email/verify", {"token": sent}).status_code == 204
        assert User.objects.get(email=ANNA).email_verified
