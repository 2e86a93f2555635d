"""Where the web workers bring the events of orders: no part of the public API, and open to their secret alone."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from bot.services.events import event_receive
from exchanger.kernel.errors import body as error_body
from exchanger.kernel.events import SIGNATURE_HEADER, TIMESTAMP_HEADER, Event, WrongEvent, is_signed


@csrf_exempt
@require_POST
def receive_event(request: HttpRequest) -> JsonResponse:
    """Take an event in; an event that is known already is accepted again, and changes nothing."""
    signed = is_signed(
        request.body,
        timestamp=request.headers.get(TIMESTAMP_HEADER, ""),
        signature=request.headers.get(SIGNATURE_HEADER, ""),
        secret=settings.EVENTS_SECRET,
    )
    if not signed:
        message = "The signature is missing, wrong or too old: both processes need the same EVENTS_SECRET and the time."
        return JsonResponse(error_body("wrong_signature", message), status=401)
    try:
        event = Event.from_bytes(request.body)
    except WrongEvent as error:
        return JsonResponse(error_body("invalid", str(error)), status=400)
    return JsonResponse({"new": event_receive(event=event)})
