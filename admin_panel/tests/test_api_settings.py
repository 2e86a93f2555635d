"""Settings over REST: the same acts as the page's, with the same entries in the trail."""

import pytest
from django.test import Client

from admin_panel.declared_settings import KEEP_REPORTS, SCHEDULED_REPORTS, SETTINGS, read_setting
from admin_panel.models import AdminSetting, AuditLog
from admin_panel.setting_states import DEFAULT
from admin_panel.tests.conftest import bearer
from admin_panel.tests.factories import AdminSettingFactory

pytestmark = pytest.mark.context("admin")
LIST = "/api/v1/settings/"
ONE = f"{LIST}{KEEP_REPORTS.key}/"
RESET = f"{ONE}reset/"
MAY_SEE, MAY_SET = "admin_panel.view_adminsetting", "admin_panel.change_adminsetting"


def trail():
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at")]


def put(client, address=ONE, **changed):
    sent = {"value": 30, "reason": "The disk is small.", "based_on": DEFAULT} | changed
    return client.put(address, sent, "application/json")


def reset(client, address=RESET, **changed):
    return client.post(address, {"reason": "As it was.", "based_on": DEFAULT} | changed, "application/json")


def test_all_that_is_declared_and_all_that_is_stored_is_listed_by_one_statement(statements):
    client = bearer(MAY_SEE)
    client.get(LIST)
    AdminSettingFactory(key="nobodys.setting", value={"x": 1})
    AdminSettingFactory(key=SCHEDULED_REPORTS.key, value="perhaps")
    answers = []
    sent = statements(lambda: answers.append(client.get(LIST)))
    assert {alias: len(found) for alias, found in sent.items()} == {"identity": 0, "web": 0, "admin": 1, "bot": 0}
    found = {row["key"]: row for row in answers[0].json()["results"]}
    assert list(found) == sorted([*SETTINGS, "nobodys.setting"])
    assert found[KEEP_REPORTS.key] == {
        "key": "reports.keep_days",
        "type": "integer",
        "unit": "days",
        "about": "How long the files of reports are kept.",
        "least": 1,
        "most": 3650,
        "default": 90,
        "value": 90,
        "is_default": True,
        "problem": "",
        "version": "default",
        "updated_by": None,
        "updated_at": None,
    }
    switch = found[SCHEDULED_REPORTS.key]
    assert (switch["type"], switch["least"], switch["value"], switch["is_default"]) == ("boolean", None, True, False)
    assert "cannot be obeyed" in switch["problem"]
    assert (found["nobodys.setting"]["type"], found["nobodys.setting"]["value"]) == (None, None)


def test_one_is_set_and_set_back(statements):
    client = bearer(MAY_SEE, MAY_SET)
    assert client.get(ONE).json()["value"] == 90
    answer = put(client)
    assert (answer.status_code, answer.json()["value"], answer.json()["is_default"]) == (200, 30, False)
    assert answer.json()["updated_by"] == str(client.person.pk)
    assert client.get(ONE).json() == answer.json()
    assert read_setting(KEEP_REPORTS) == 30
    answer = reset(client, based_on=answer.json()["version"])
    assert (answer.status_code, answer.json()["value"], answer.json()["is_default"]) == (200, 90, True)
    assert read_setting(KEEP_REPORTS) == 90
    assert trail() == [("setting.set", "done"), ("setting.reset", "done")]
    assert {(log.resource_type, log.resource_id) for log in AuditLog.objects.all()} == {
        ("admin_setting", KEEP_REPORTS.key)
    }


def test_what_a_change_costs(statements):
    client = bearer(MAY_SEE, MAY_SET)
    client.get(ONE)
    sent = statements(lambda: put(client))
    # The state before, after, and for the entry; the entry's two rows; a transaction of the lock and the row.
    assert (len(sent["admin"]), len(sent["identity"]), sent["web"], sent["bot"]) == (9, 1, [], [])


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"value": 0}, 400, "setting_invalid"),
        ({"value": "soon"}, 400, "setting_invalid"),
        ({"value": None}, 400, "invalid"),
        ({"value": {"days": 1}}, 400, "setting_invalid"),
        ({"reason": " "}, 400, "invalid"),
        ({"reason": 7}, 400, "invalid"),
        ({"reason": "x" * 501}, 400, "invalid"),
        ({"based_on": ""}, 400, "invalid"),
        ({"based_on": "another"}, 409, "setting_changed"),
    ],
)
def test_what_is_refused_is_said_and_nothing_is_set(changed, status, code):
    answer = put(bearer("*"), **changed)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert not AdminSetting.objects.exists()


def test_of_two_who_saw_the_same_the_second_is_told():
    client = bearer("*")
    assert put(client).status_code == 200
    assert put(client, value=40).json()["code"] == "setting_changed"
    assert reset(client).json()["code"] == "setting_changed"
    assert read_setting(KEEP_REPORTS) == 30


def test_each_act_takes_its_permission(everything):
    AdminSettingFactory(key="nobodys.setting")
    for client in (bearer(), bearer("web.view_order"), bearer(MAY_SET)):
        answers = [client.get(LIST), client.get(ONE), put(client), reset(client)]
        assert {answer.status_code for answer in answers} == {403}
    client = bearer(MAY_SEE)
    assert client.get(LIST).status_code == 200
    before = everything()
    AuditLog.objects.count()
    assert {put(client).status_code, reset(client).status_code} == {403}
    assert everything() == before
    assert trail()[-2:] == [("setting.set", "denied"), ("setting.reset", "denied")]
    assert Client(SERVER_NAME="localhost").get(LIST).status_code == 401


def test_what_nothing_reads_is_not_set_but_can_go():
    row = AdminSettingFactory(key="nobodys.setting", value=1)
    client, address = bearer("*"), f"{LIST}{row.key}/"
    version = client.get(address).json()["version"]
    assert put(client, address, based_on=version).status_code == 404
    assert reset(client, f"{address}reset/", based_on=version).status_code == 204
    assert not AdminSetting.objects.exists()
    for gone in (address, f"{LIST}%00/", f"{LIST}nobody's/"):
        assert client.get(gone).status_code == 404
    assert reset(client, f"{address}reset/").status_code == 404
