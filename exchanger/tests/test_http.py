"""What every context serves: probes, the API's description and its page, and errors in one shape."""

from io import BytesIO, StringIO

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from exchanger.kernel.content_policy import DATA_POLICY
from exchanger.kernel.requests import Application

CONTEXTS = ["web", "admin", "telegram"]


@pytest.mark.parametrize("context", CONTEXTS)
def test_probes_answer_without_a_session(context, as_context):
    with as_context(context):
        assert Client().get("/healthz").json() == {"status": "alive"}
        ready = Client().get("/readyz")
        assert ready.status_code == 200, ready.json()
        assert ready.json()["context"] == context
        assert set(ready.json()["checks"].values()) == {"ok"}


@pytest.mark.context("web")
def test_readiness_names_the_database_that_lacks_migrations(world):
    superuser = world.superuser("web")
    [last] = superuser.execute(
        "DELETE FROM django_migrations WHERE app = 'web'"
        " AND name = (SELECT max(name) FROM django_migrations WHERE app = 'web') RETURNING name"
    ).fetchone()
    try:
        answer = Client().get("/readyz")
    finally:
        superuser.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('web', %s, now())", (last,))
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database:web"] == "1 migrations to apply: run manage.py migrate --database=web"
    assert checks["database:identity"] == "ok"


@pytest.mark.context("web")
def test_readiness_fails_and_liveness_does_not_when_redis_refuses_the_user(world):
    with world.redis() as client:
        client.execute_command("ACL", "SETUSER", "web", "-ping")
        try:
            answer = Client().get("/readyz")
        finally:
            client.execute_command("ACL", "SETUSER", "web", "+ping")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"].startswith("unreachable")
    assert Client().get("/healthz").status_code == 200


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_description_of_the_api_is_valid_and_complete(context, as_context):
    with as_context(context):
        out, err = StringIO(), StringIO()
        call_command("spectacular", validate=True, fail_on_warn=True, stdout=out, stderr=err)
        schema = yaml.safe_load(out.getvalue())
    assert all(path.startswith(("/api/v1/", "/api/schema/")) for path in schema["paths"])


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_page_of_the_api_needs_nothing_from_outside(context, as_context):
    with as_context(context):
        page = Client().get("/api/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "/static/drf_spectacular_sidecar/" in text
    assert "https://" not in text
    assert "http://" not in text


@pytest.mark.parametrize("path", ["/healthz", "/api/schema/", "/api/v1/nothing/", "/nothing"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_what_is_no_page_may_load_nothing(context, path, as_context):
    with as_context(context):
        assert Client().get(path)["Content-Security-Policy"] == DATA_POLICY


@pytest.mark.parametrize("context", CONTEXTS)
def test_an_address_that_is_not_there_is_a_404_in_the_one_shape(context, as_context):
    with as_context(context):
        answer = Client().get("/api/v1/nothing/")
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message", "details"}


@pytest.mark.parametrize(
    ("context", "elsewhere"),
    [("web", "audit-logs"), ("web", "conversations"), ("telegram", "orders"), ("admin", "orders")],
)
def test_a_context_does_not_serve_what_belongs_to_another(context, elsewhere, as_context):
    with as_context(context):
        assert Client().get(f"/api/v1/{elsewhere}/").status_code == 404


@pytest.mark.context("web")
def test_the_web_application_has_no_admin_site():
    assert Client().get("/admin/").status_code == 404


@pytest.mark.context("web")
@pytest.mark.parametrize(
    ("charset", "query", "status"),
    [
        ("zlib", "pair=%41", "200 OK"),
        ("idna", "pair=%41", "200 OK"),
        ("utf-8", "&".join(["a=1"] * 1001), "400 Bad Request"),
    ],
)
def test_the_charset_of_a_body_is_not_that_of_the_address(charset, query, status):
    answers = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/v1/rates/",
        "QUERY_STRING": query,
        "CONTENT_TYPE": f"application/json; charset={charset}",
        "HTTP_HOST": "testserver",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(),
    }
    b"".join(Application()(environ, lambda answer, headers: answers.append(answer)))
    assert answers == [status]


@pytest.mark.context("web")
def test_a_host_that_is_not_ours_is_a_400_in_the_one_shape():
    answer = Client().get("/api/v1/rates/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"
