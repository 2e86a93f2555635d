"""Where Telegram brings updates: they are stored, and answered before anything is done about them."""

import hmac
import logging
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from bot.incoming import ReceivedUpdate, read_update
from bot.services.updates import updates_store
from exchanger.kernel.cache.codec import decode
from exchanger.kernel.errors import body as error_body

logger = logging.getLogger(__name__)

PATH: Final = "telegram/webhook"
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  (the name of a header)
MOST_BYTES: Final = 1_000_000


@csrf_exempt
def receive_update(request: HttpRequest) -> HttpResponse:
    """Store an update. Junk is accepted and dropped: refused, it would be brought again, and keep the others waiting.

    Without TELEGRAM_WEBHOOK_SECRET there is nothing at this address.
    """
    secret = settings.TELEGRAM_WEBHOOK_SECRET
    if not secret:
        raise Http404
    if request.method != "POST":
        return JsonResponse(
            error_body("method_not_allowed", "Telegram posts here."), status=405, headers={"Allow": "POST"}
        )
    if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(), secret.encode()):
        message = "The secret is missing or wrong: run manage.py set_webhook after a change of TELEGRAM_WEBHOOK_SECRET."
        return JsonResponse(error_body("wrong_secret", message), status=401)
    update = _read(request)
    if update is not None:
        updates_store(updates=[update])
    return JsonResponse({})


def _read(request: HttpRequest) -> ReceivedUpdate | None:
    try:
        length = int(request.headers.get("Content-Length") or 0)
        update = read_update(decode(request.body)) if length <= MOST_BYTES else None
    except ValueError:
        update = None
    if update is None:
        logger.warning("Something that is no update came to the webhook, and was dropped")
    return update
