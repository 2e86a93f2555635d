"""Whatever writes in the admin context has written its intent before: pages of the panel, and the API."""

import itertools
import re
from contextlib import ExitStack, contextmanager
from typing import ClassVar
from unittest import mock

import pytest
from django.contrib import admin
from django.db import connections
from django.test import override_settings
from django.urls import URLResolver, get_resolver, path
from unfold.admin import ModelAdmin, TabularInline

from admin_panel.models import AdminSetting, AuditLog, Configuration, Report
from admin_panel.panel.audited import AuditedWrites
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.site import OperatorsSite
from admin_panel.tests.factories import AdminSettingFactory
from admin_panel.tests.pages import MODELS, ROWS, name_of, page_id
from exchanger.kernel.contexts import ALIASES
from exchanger.urls import admin as urls
from identity.models import User, UserProfile
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("admin")

WRITE = re.compile(r'\s*(?:WITH\b.*?\b)?(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE | re.DOTALL)
CALLS = re.compile(r"\b(revoke_\w+)\(")
# Bookkeeping of requests, of the cache and of jobs; and the trail itself.
UNAUDITED = re.compile(r"sessions|cache_invalidations|procrastinate_\w+|audit_\w+")


class Watch:
    """Counts the intents of a block, and names what was written in it before there was one."""

    def __init__(self):
        self.intents = 0
        self.unannounced = []
        self.writes = 0

    def __call__(self, execute, sql, params, many, context):
        text = str(sql)
        write = WRITE.match(text)
        target = write[2] if write else next(iter(CALLS.findall(text)), "")
        if target == "audit_logs":
            self.intents += 1
        elif target and not UNAUDITED.fullmatch(target):
            self.writes += 1
            if not self.intents:
                self.unannounced.append(text)
        return execute(sql, params, many, context)


@contextmanager
def watched():
    watch = Watch()
    create = connections.create_connection

    def create_watched(alias):
        """An intent inside a transaction goes over a connection of its own."""
        made = create(alias)
        made.execute_wrappers.append(watch)
        return made

    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(connections[alias].execute_wrapper(watch))
        stack.enter_context(mock.patch.object(connections, "create_connection", create_watched))
        yield watch


def filled(page):
    """What a browser would send back of a page's form, as it is."""
    form = page.context["adminform"].form if "adminform" in page.context else page.context["form"]
    if form is None:
        return {"reset": "1", "based_on": page.context["state"].token, "reason": "test"}
    fieldsets = [formset.formset for formset in page.context.get("inline_admin_formsets", [])]
    sent = {}
    for one in [form, *(f.management_form for f in fieldsets), *itertools.chain.from_iterable(fieldsets)]:
        for bound in one:
            value = bound.value()
            if value not in (None, False):
                sent[bound.html_name] = value
    return sent


def addresses(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern).lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        else:
            yield route, pattern


def concrete(route, row):
    """The address of a route with the ids of ``row`` in its places."""
    route = re.sub(r"<session_id:\w+>|\(\?P<session_id>[^)]*\)", "0" * 64, route)
    route = re.sub(r"\(\?P<\w+>[^)]*\)", str(row.pk), route)
    return "/" + re.sub(r"<[^>]*>", str(row.pk), route).replace("\\Z", "").replace("\\", "").replace("?", "")


ADD_QUERY = {Report: "?type=orders", Configuration: "?application=web"}  # the form of one of its kinds


def writes_of(operator, model_admin, row):
    """Every way in which a page of the model could be made to write, tried with what its forms hold."""
    meta = model_admin.opts
    listed = f"/admin/{meta.app_label}/{meta.model_name}/"
    row_id = page_id(row) if model_admin is admin.site._registry[model_admin.model] else row.pk
    for page in (f"{listed}add/{ADD_QUERY.get(model_admin.model, '')}", f"{listed}{row_id}/change/"):
        shown = operator.get(page)
        operator.post(page, filled(shown) if shown.status_code == 200 and shown.context else {})
    known = {"add", "change", "history", "delete"}
    for route, pattern in addresses(model_admin.get_urls()):
        if (pattern.name or "").rpartition("_")[2] not in {*known, "changelist"} and pattern.name:
            operator.post(f"{listed}{concrete(route, row).lstrip('/')}", {"post": "yes", "reason": "test"})
    operator.post(listed, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
    operator.post(f"{listed}{row_id}/delete/", {"post": "yes"})


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_no_page_of_the_panel_writes_before_its_intent(operator, model):
    row = ROWS[model]()
    operator.get("/admin/")
    with watched() as watch:
        writes_of(operator, admin.site._registry[model], row)
    assert watch.unannounced == []


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_page_of_the_panel_stands_on_what_announces_its_writes(model):
    page = admin.site._registry[model]
    assert isinstance(page, PanelAdmin)
    assert isinstance(page, AuditedWrites)


def api_routes():
    found = [(route, pattern) for route, pattern in addresses(get_resolver("exchanger.urls.admin").url_patterns)]
    return [route for route, _ in found if route.startswith("api/v1/") and not route.endswith("auth/logout")]


def test_no_address_of_the_api_writes_before_its_intent(operator):
    person = UserFactory()
    routes = api_routes()
    assert any("sessions" in route for route in routes)
    operator.get("/admin/")
    for route, method in itertools.product(routes, ("post", "put", "patch", "delete")):
        with watched() as watch:
            getattr(operator, method)(concrete(route, person), {}, content_type="application/json")
        assert watch.unannounced == [], (method, route)


# --- A page that writes, as the panel's own class makes it, and one that forgets


class Changeable:
    def has_add_permission(self, request, obj=None):
        return True

    has_change_permission = has_delete_permission = has_add_permission

    def get_readonly_fields(self, request, obj=None):
        return ()


class SettingPage(Changeable, PanelAdmin):
    fields = ("key", "value", "description", "updated_by")
    ordering = ("key",)
    actions = ("delete_selected",)


class ForgetfulPage(Changeable, ModelAdmin):
    fields = ("key", "value", "description", "updated_by")

    def log_addition(self, *args):
        pass

    log_change = log_deletions = log_addition


class ProfileRows(TabularInline):
    model = UserProfile
    fields = ("display_name",)
    has_add_permission = has_change_permission = Changeable.has_change_permission

    def has_delete_permission(self, request, obj=None):
        return False


class PersonPage(Changeable, PanelAdmin):
    fields = ("email_verified",)
    inlines = (ProfileRows,)


class Urls:
    """A root URLconf that a test fills."""

    urlpatterns: ClassVar[list] = []


@pytest.fixture
def site():
    """Serves a panel in which one model has another page; the real one stays as it is."""
    others = [pattern for pattern in urls.urlpatterns if str(pattern.pattern) != "admin/"]

    def serve(model, page):
        panel = OperatorsSite(name="admin")
        for registered, real in admin.site._registry.items():
            panel.register(registered, page if registered is model else type(real))
        Urls.urlpatterns = [path("admin/", panel.urls), *others]
        return panel._registry[model]

    with override_settings(ROOT_URLCONF=Urls):
        yield serve


LIST = "/admin/admin_panel/adminsetting/"


def only_entry():
    return AuditLog.objects.select_related("result").get()


def test_a_page_that_saves_announces_what_changes_and_nothing_else(operator, site):
    site(AdminSetting, SettingPage)
    setting = AdminSettingFactory(key="limits.daily", value=1, description="before")
    page = f"{LIST}{setting.pk}/change/"
    with watched() as watch:
        operator.post(page, {**filled(operator.get(page)), "description": "after"})
    assert (watch.intents, watch.unannounced, watch.writes) == (1, [], 1)
    log = only_entry()
    assert (log.action, log.resource_id, log.outcome) == ("admin_setting.update", str(setting.pk), "done")
    assert (log.admin_id, log.old_values, log.new_values) == (
        operator.person.pk,
        {"description": "before"},
        {"description": "after"},
    )
    setting.refresh_from_db()
    assert setting.description == "after"


def test_a_page_that_adds_announces_the_row_it_makes(operator, site):
    site(AdminSetting, SettingPage)
    new = {"key": "limits.daily", "value": "5", "description": "", "updated_by": str(operator.person.pk)}
    operator.post(f"{LIST}add/", new)
    log = only_entry()
    assert (log.action, log.outcome) == ("admin_setting.create", "done")
    assert log.resource_id == str(AdminSetting.objects.get().pk)
    assert log.new_values["value"] == 5


@pytest.mark.parametrize("way", ["page", "list"])
def test_a_page_that_deletes_announces_what_goes(operator, site, way):
    site(AdminSetting, SettingPage)
    setting = AdminSettingFactory(key="limits.daily")
    if way == "page":
        operator.post(f"{LIST}{setting.pk}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [str(setting.pk)], "post": "yes"}
        operator.post(LIST, chosen)
    log = only_entry()
    assert (log.action, log.resource_id, log.outcome) == ("admin_setting.delete", str(setting.pk), "done")
    assert log.old_values["key"] == "limits.daily"
    assert not AdminSetting.objects.exists()


def test_a_save_that_the_database_refuses_is_a_failed_attempt_and_changes_nothing(operator, site):
    class Clumsy(SettingPage):
        def save_model(self, request, obj, form, change):
            super().save_model(request, obj, form, change)
            raise RuntimeError("after the save")

    site(AdminSetting, Clumsy)
    setting = AdminSettingFactory(description="before")
    page = f"{LIST}{setting.pk}/change/"
    sent = {**filled(operator.get(page)), "description": "after"}
    with pytest.raises(RuntimeError):
        operator.post(page, sent)
    assert only_entry().outcome == "failed"
    setting.refresh_from_db()
    assert setting.description == "before"


def test_the_rows_of_an_inline_are_announced_one_by_one(operator, site):
    site(User, PersonPage)
    person = UserFactory()
    page = f"/admin/identity/user/{person.pk}/change/"
    operator.post(page, {**filled(operator.get(page)), "profile-0-display_name": "Anna"})
    by_action = {log.action: log for log in AuditLog.objects.select_related("result")}
    assert set(by_action) == {"user.update", "user_profile.update"}
    profile = by_action["user_profile.update"]
    assert (profile.resource_id, profile.new_values, profile.outcome) == (
        str(person.pk),
        {"display_name": "Anna"},
        "done",
    )


def test_a_page_that_forgets_is_caught(operator, site):
    """So that the walk above cannot pass for want of looking."""
    page = site(AdminSetting, ForgetfulPage)
    row = AdminSettingFactory(description="before")
    operator.get("/admin/")
    with watched() as watch:
        writes_of(operator, page, row)
    assert any('UPDATE "admin_settings"' in statement for statement in watch.unannounced)
    assert any('DELETE FROM "admin_settings"' in statement for statement in watch.unannounced)


def test_a_save_outside_the_views_of_a_page_is_refused(site, rf):
    page = site(Configuration, type("Page", (Changeable, PanelAdmin), {}))
    request = rf.post("/")
    request.user = UserFactory()
    setting = AdminSettingFactory()
    with pytest.raises(AttributeError, match="announced"):
        page.delete_model(request, setting)
    assert AdminSetting.objects.filter(pk=setting.pk).exists()
    assert not AuditLog.objects.exists()
