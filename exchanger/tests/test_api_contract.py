"""The description of each application's API, walked whole: a new endpoint is held to all of this by itself."""

import ast
import re
from importlib import import_module

import jsonschema
import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.exceptions import APIException

from exchanger.kernel.contexts import Context
from exchanger.kernel.openapi.errors import WAITING, declared
from exchanger.kernel.refusals import Refused
from exchanger.kernel.schema import refuses
from exchanger.kernel.throttled import Throttled
from exchanger.local.paths import CHECKOUT
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.api import idempotency
from web.configuration import NotConfigured
from web.services.quotes import QuoteRefused

PACKAGES = ("exchanger", "identity", "web", "admin_panel", "bot")
MONEY = re.compile(r"(^|_)(amount|rate|spread|fee|minimum|maximum|open|high|low|close|balance)$")
MOMENT = re.compile(r"(_at|_from|_until|^at|_seen|_after|_before|^since|^until)$")
IDEMPOTENCY = (idempotency.KeyRequired, idempotency.KeyMalformed, idempotency.Conflict, idempotency.InFlight)
OPERATORS = {"payment_missing", "payout_too_small"}  # what only the panel can meet
ERROR = {"$ref": "#/components/schemas/Error"}


def described(as_context, context):
    with as_context(context):
        return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(params=list(Context))
def schema(request, as_context):
    return described(as_context, request.param)


def operations(schema):
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def bodies(schema):
    """Each request and answer: what it is, and its media."""
    for name, operation in operations(schema):
        for where, body in (("request", operation.get("requestBody", {})), *operation["responses"].items()):
            for media_type, media in body.get("content", {}).items():
                yield f"{name} {where} {media_type}", media


def fields(schema):
    """Each field of each component, with its schema, references resolved."""
    components = schema["components"]["schemas"]
    for name, component in components.items():
        for field, inner in component.get("properties", {}).items():
            reference = inner.get("$ref") or next((part.get("$ref") for part in inner.get("allOf", [])), None)
            yield f"{name}.{field}", field, components[reference.rpartition("/")[2]] if reference else inner


def test_every_operation_says_what_it_does(schema):
    for name, operation in operations(schema):
        assert operation["summary"].strip(), name
        assert operation["description"].strip(), name
        assert not operation["summary"].endswith("."), name
        assert operation["tags"], name
    names = [operation["operationId"] for _, operation in operations(schema)]
    assert len(names) == len(set(names))


def test_every_request_and_answer_has_an_example_that_its_schema_allows(schema):
    components = jsonschema_of(schema["components"])
    for name, media in bodies(schema):
        examples = [example["value"] for example in media.get("examples", {}).values()]
        examples += [media["example"]] if "example" in media else []
        assert examples, name
        for example in examples:
            whole = {**jsonschema_of(media["schema"]), "components": components}
            jsonschema.validate(example, whole, jsonschema.Draft202012Validator)


def test_every_error_is_the_one_component_with_an_example_for_each_code(schema):
    for name, operation in operations(schema):
        errors = {int(status): body for status, body in operation["responses"].items() if status >= "400"}
        assert {400, 406, 429, 503} <= errors.keys(), name
        assert 401 in errors or "security" not in operation or {} in operation["security"], name
        assert 404 in errors or "{" not in name, name
        assert 415 in errors or "requestBody" not in operation, name
        for status, body in errors.items():
            media = body["content"]["application/json"]
            assert (media["schema"], set(body["content"])) == (ERROR, {"application/json"}), f"{name} {status}"
            for code, example in media["examples"].items():
                assert example["value"]["code"] == code
                assert example["value"]["message"]
            assert ("Retry-After" in body.get("headers", {})) == (status in WAITING), f"{name} {status}"


def test_amounts_and_rates_are_strings_and_moments_are_date_times(schema):
    for where, field, inner in fields(schema):
        if MONEY.search(field):
            assert inner["type"] == "string", where
        if MOMENT.search(field):
            assert (inner["type"], inner["format"]) == ("string", "date-time"), where
    for name, operation in operations(schema):
        for parameter in operation.get("parameters", []):
            if MOMENT.search(parameter["name"]):
                assert parameter["schema"]["format"] == "date-time", f"{name} {parameter['name']}"


def test_what_names_a_thing_leads_to_it(as_context):
    responses = described(as_context, Context.WEB)["paths"]["/api/v1/quotes/"]["post"]["responses"]
    assert responses["201"]["links"]["quotes_retrieve"] == {
        "operationId": "quotes_retrieve",
        "parameters": {"id": "$response.body#/id"},
    }


def test_a_handler_may_name_some_of_a_refusals_codes_and_no_others():
    @refuses(QuoteRefused, codes=["one_amount"])
    @refuses(NotConfigured)
    def handler():
        """Nothing."""

    assert [known.code for known in handler.errors] == ["not_configured", "one_amount"]
    with pytest.raises(ValueError, match="one_amonut"):
        refuses(QuoteRefused, codes=["one_amonut"])


def test_every_code_that_a_refusal_is_raised_with_is_one_that_it_declares():
    raised = [(where, cls, code) for where, cls, code in raised_refusals() if cls.codes]
    assert len(raised) > 10
    for where, cls, code in raised:
        assert code in {known.code for known in declared(cls)}, f"{where}: {cls.__name__}.codes lacks {code}"


def test_every_refusal_of_the_api_is_stated_by_some_operation(as_context):
    stated = set()
    for context in Context:
        for _, operation in operations(described(as_context, context)):
            for status, body in operation["responses"].items():
                examples = body.get("content", {}).get("application/json", {}).get("examples", {})
                stated |= {(int(status), code) for code in examples}
    for cls in refusals_of_the_api():
        wanted = {(known.status, known.code) for known in declared(cls) if known.code not in OPERATORS}
        assert wanted <= stated, f"no handler has @refuses({cls})"


def test_what_takes_an_idempotency_key_states_what_comes_of_it(schema):
    wanted = {known.code for cls in IDEMPOTENCY for known in declared(cls)}
    for name, operation in operations(schema):
        stated = {
            code
            for body in operation["responses"].values()
            for code in body.get("content", {}).get("application/json", {}).get("examples", {})
        }
        takes_a_key = any(parameter["name"] == idempotency.HEADER for parameter in operation.get("parameters", []))
        assert (stated & wanted) == (wanted if takes_a_key else set()), name


@pytest.mark.parametrize("context", list(Context))
def test_nobody_keeps_an_answer_that_is_not_the_same_for_everybody(context, as_context):
    with as_context(context):
        schema = SchemaGenerator().get_schema(request=None, public=True)
        for path, methods in schema["paths"].items():
            if "{" in path or "get" not in methods:
                continue
            answer = Client().get(path)
            public = "304" in methods["get"]["responses"]
            kept = "public" if public and answer.status_code == 200 else "no-store"
            assert kept in answer.headers["Cache-Control"], path
            assert answer.status_code == 401 or public, f"{path}: {answer.status_code}"


@pytest.mark.parametrize("context", list(Context))
def test_a_parameter_without_a_value_is_refused_and_shows_nothing(context, as_context):
    with as_context(context):
        key = session_open(user=UserFactory(permissions={context: ["*"]})).session_key
        client, asked = Client(headers={"Authorization": f"Bearer {key}"}), 0
        for path, methods in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
            for parameter in methods.get("get", {}).get("parameters", []):
                if parameter["in"] == "query" and parameter["name"] != "format" and "{" not in path:
                    answer = client.get(f"{path}?{parameter['name']}=")
                    assert answer.status_code == (404 if parameter["name"] == "cursor" else 400), answer.request
                    asked += 1
    assert asked >= 8


def jsonschema_of(part):
    """OpenAPI 3.0's ``nullable`` as JSON Schema has it."""
    if isinstance(part, list):
        return [jsonschema_of(item) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {key: jsonschema_of(value) for key, value in part.items() if key not in ("nullable", "example")}
    return {"anyOf": [plain, {"type": "null"}]} if part.get("nullable") is True else plain


def modules():
    for package in PACKAGES:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            if "tests" not in parts and "migrations" not in parts and "management" not in parts:
                yield path, ".".join(parts)


def raised_refusals():
    """Each call in our code that makes a refusal with a literal code."""
    for path, name in modules():
        source = path.read_text()
        if "Refused" not in source:
            continue
        module = import_module(name)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                cls, code = getattr(module, node.func.id, None), node.args[0]
                if isinstance(cls, type) and issubclass(cls, Refused) and isinstance(code, ast.Constant):
                    yield f"{name}:{node.lineno}", cls, code.value


def refusals_of_the_api():
    """Refusals that declare codes, and the API's own exceptions: whatever an endpoint may have to state."""
    found = [cls for cls in _below(Refused) if cls.codes] + list(_below(APIException))
    ours = [cls for cls in found if cls.__module__.split(".")[0] in PACKAGES and ".tests." not in cls.__module__]
    return [cls for cls in ours if cls is not Throttled and not issubclass(cls, IDEMPOTENCY)]


def _below(cls):
    for child in cls.__subclasses__():
        yield child
        yield from _below(child)
