"""Pictures of the panel with the demo's data, for the eye and for docs/panel.md.

    .venv/bin/python -m admin_panel.tests.browser.screenshots [FOLDER]

On throwaway servers of its own: each of the pages on a desk and on a telephone, light and dark, and those of DOCS once
more into docs/pictures. ``make browser`` has installed what it needs.
"""

import os
import subprocess
import sys
from pathlib import Path

from admin_panel.tests.browser.look import Look, chromium_arguments, chromium_path
from bench.preparation import migrate
from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import ApplicationProcess, process_environment
from exchanger.testing.servers import TestServers

DESK, TELEPHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
DOCS = {"dashboard": "light", "queue": "light", "client": "dark", "configuration": "light"}


def pages() -> dict[str, str]:
    """The addresses of what is worth a look."""
    from admin_panel.models import AuditLog, Configuration
    from bot.models import Conversation
    from web.models import Order

    order = Order.objects.filter(status="paid").latest("created_at")
    return {
        "dashboard": "/admin/",
        "queue": "/admin/queue/",
        "orders": "/admin/web/order/",
        "order": f"/admin/web/order/{order.pk}/change/",
        "rates": "/admin/web/exchangerate/",
        "rate": "/admin/web/exchangerate/add/",
        "people": "/admin/identity/user/",
        "client": f"/admin/identity/user/{order.user_id}/change/",
        "conversations": "/admin/bot/conversation/",
        "conversation": f"/admin/bot/conversation/{Conversation.objects.latest('updated_at').pk}/change/",
        "notifications": "/admin/bot/notification/",
        "broadcasts": "/admin/bot/broadcast/",
        "settings": "/admin/admin_panel/adminsetting/",
        "setting": "/admin/admin_panel/adminsetting/reports.keep_5Fdays/change/",
        "wording": "/admin/admin_panel/configuration/add/?application=telegram",
        "configurations": "/admin/admin_panel/configuration/",
        "configuration": f"/admin/admin_panel/configuration/{Configuration.objects.earliest('version').pk}/change/",
        "audit": "/admin/admin_panel/auditlog/",
        "entry": f"/admin/admin_panel/auditlog/{AuditLog.objects.latest('created_at').pk}/change/",
        "reports": "/admin/admin_panel/report/",
        "report": "/admin/admin_panel/report/add/?type=turnover",
        "metrics": "/admin/admin_panel/systemmetric/",
    }


def main() -> None:
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / ".local" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    (CHECKOUT / "docs" / "pictures").mkdir(exist_ok=True)
    servers = TestServers()
    servers.acquire()
    migrate(servers)
    static = {"STATIC_ROOT": str(servers.paths.static)}
    for context, command in ((None, ["seed_demo"]), (None, ["collectstatic", "--noinput", "-v0"])):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            env={**process_environment(context, servers.environments), **static},
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    admin = process_environment(Context.ADMIN, servers.environments)
    code = "from admin_panel.tests.browser.screenshots import told; told()"
    told_lines = subprocess.run(
        [sys.executable, "-c", code], env=admin, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    cookie, key = told_lines[0].split()
    panel = ApplicationProcess(Context.ADMIN, servers.environments, servers.paths.logs / "panel.log", extra=static)
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=chromium_path(), args=chromium_arguments())
            for device, viewport in (("desk", DESK), ("telephone", TELEPHONE)):
                for scheme in ("light", "dark"):
                    look = Look(chromium, panel.url, viewport=viewport, color_scheme=scheme)
                    look.session(cookie, key)
                    for line in told_lines[1:]:
                        name, path = line.split()
                        page = look.open(path)
                        page.screenshot(path=folder / f"{name}-{device}-{scheme}.png", full_page=device == "desk")
                        if device == "desk" and DOCS.get(name) == scheme:
                            page.screenshot(path=CHECKOUT / "docs" / "pictures" / f"{name}.png")
                    look.close()
                    print("\n".join(look.complaints), end="")
            chromium.close()
    finally:
        panel.stop()


def told() -> None:
    """Be the operators' application: print the cookie and key of a session of the demo's operator, and the pages."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "exchanger.settings"
    import django

    django.setup()
    from django.conf import settings

    from admin_panel.tests.conftest import passed_session
    from identity.models import User, UserPermission

    chief = UserPermission.objects.filter(application_context="admin", permission="*").earliest("granted_at")
    print(settings.SESSION_COOKIE_NAME, passed_session(User.objects.get(pk=chief.user_id)))
    for name, path in pages().items():
        print(name, path)


if __name__ == "__main__":
    main()
