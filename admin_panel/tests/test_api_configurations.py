"""Configurations over REST: written, published with a fresh code, and what is in force; the page's own acts."""

import pytest
from django.conf import settings

from admin_panel.models import AuditLog, Configuration
from admin_panel.services.configurations import MAY_PUBLISH, MAY_WRITE
from admin_panel.tests.authenticators import authenticator_of
from admin_panel.tests.conftest import bearer
from admin_panel.tests.factories import ConfigurationFactory
from bot.models import PublishedConfiguration as BotPublished
from web.models import PublishedConfiguration
from web.tests.factories import DOCUMENT, PublishedConfigurationFactory

pytestmark = pytest.mark.context("admin")
LIST = "/api/v1/configurations/"
IN_FORCE = f"{LIST}in-force/"
MAY_SEE = "admin_panel.view_configuration"


def trail():
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at")]


def write(client, **changed):
    sent = {"application_context": "web", "document": DOCUMENT, "comment": "A test.", "based_on": 0} | changed
    return client.post(LIST, sent, "application/json")


def publish(client, version_id, reason="Agreed on."):
    return client.post(f"{LIST}{version_id}/publish/", {"reason": reason}, "application/json")


def test_a_version_is_written_published_and_in_force(statements):
    client = bearer(MAY_SEE, MAY_WRITE, MAY_PUBLISH)
    assert client.get(IN_FORCE).json() == {"results": []}
    written = write(client)
    assert (written.status_code, written.json()["version"], written.json()["published_at"]) == (201, 1, None)
    assert written.json() == client.get(f"{LIST}{written.json()['id']}/").json()
    assert not PublishedConfiguration.objects.exists()
    published = publish(client, written.json()["id"])
    assert (published.status_code, published.json()["published_at"] is None) == (200, False)
    assert PublishedConfiguration.objects.get().document == DOCUMENT
    bots = write(client, application_context="telegram", document={"maintenance_mode": True})
    assert publish(client, bots.json()["id"]).status_code == 200
    assert BotPublished.objects.get().document == {"maintenance_mode": True}
    answers = []
    sent = statements(lambda: answers.append(client.get(IN_FORCE)))
    assert {alias: len(found) for alias, found in sent.items()} == {"identity": 0, "web": 1, "admin": 0, "bot": 1}
    found = {row["application_context"]: (row["version"], row["document"]) for row in answers[0].json()["results"]}
    assert found == {"web": (1, DOCUMENT), "telegram": (1, {"maintenance_mode": True})}
    assert trail() == [("configuration.write", "done"), ("configuration.publish", "done")] * 2


@pytest.mark.parametrize(
    ("changed", "status", "code", "detail"),
    [
        ({"document": DOCUMENT | {"spread": "2"}}, 400, "invalid", "document"),
        ({"document": {}}, 400, "invalid", "document"),
        ({"document": []}, 400, "invalid", "document"),
        ({"application_context": "telegram"}, 400, "invalid", "document"),
        ({"application_context": "admin"}, 400, "invalid", "application_context"),
        ({"comment": " "}, 400, "invalid", "comment"),
        ({"based_on": -1}, 400, "invalid", "based_on"),
        ({"based_on": 1}, 409, "configuration_newer", None),
    ],
)
def test_what_cannot_be_obeyed_is_said_by_key_and_not_written(changed, status, code, detail):
    answer = write(bearer("*"), **changed)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert list(answer.json()["details"]) == ([detail] if detail else [])
    assert not Configuration.objects.exists()


def test_of_two_who_saw_the_same_the_second_is_told():
    client = bearer("*")
    assert write(client).status_code == 201
    assert write(client).json()["code"] == "configuration_newer"
    assert Configuration.objects.count() == 1


def test_publishing_takes_a_fresh_code_which_the_same_session_gives():
    version = ConfigurationFactory(version=1, document=DOCUMENT)
    client = bearer("*", seconds_ago=settings.OPERATORS_STEP_UP_AGE + 1)
    authenticator = authenticator_of(client.person)
    answer = publish(client, version.pk)
    assert (answer.status_code, answer.json()["code"]) == (403, "fresh_code_required")
    assert not PublishedConfiguration.objects.exists()
    assert ("configuration.publish", "done") not in trail()
    given = client.post("/api/v1/auth/second-factor", {"code": authenticator.code()}, "application/json")
    assert given.status_code == 204
    assert publish(client, version.pk).status_code == 200
    assert PublishedConfiguration.objects.exists()


def test_writing_takes_none():
    assert write(bearer("*", seconds_ago=settings.OPERATORS_STEP_UP_AGE + 1)).status_code == 201


def test_each_act_takes_its_permission(everything):
    version = ConfigurationFactory(version=1, document=DOCUMENT)
    PublishedConfigurationFactory()
    for client in (bearer(), bearer(MAY_WRITE, MAY_PUBLISH)):
        answers = [client.get(LIST), client.get(IN_FORCE), write(client, based_on=1), publish(client, version.pk)]
        assert {answer.status_code for answer in answers} == {403}
    client = bearer(MAY_SEE)
    client.get(LIST)
    before = everything()
    assert {write(client, based_on=1).status_code, publish(client, version.pk).status_code} == {403}
    assert everything() == before
    assert trail()[-2:] == [("configuration.write", "denied"), ("configuration.publish", "denied")]


def test_an_older_version_goes_back_into_force_and_one_that_cannot_be_obeyed_does_not():
    old = ConfigurationFactory(version=1, document=DOCUMENT)
    ConfigurationFactory(version=2, document=DOCUMENT | {"fee": "0.1"})
    broken = ConfigurationFactory(version=3, document={"spread": "0.5"})
    client = bearer("*")
    assert publish(client, old.pk).status_code == 200
    answer = publish(client, broken.pk)
    assert (answer.status_code, list(answer.json()["details"])) == (400, ["document"])
    assert PublishedConfiguration.objects.get().version == 1
    assert publish(client, old.pk, reason="").status_code == 400
    assert publish(client, "nonsense").status_code == 404
