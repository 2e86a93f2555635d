"""What has happened and the bot has not heard of yet: taken by long polling, or brought to a webhook."""

import asyncio
import json
from collections import deque
from typing import Any

import httpx

from exchanger.kernel.http import trusted
from exchanger.sandbox.telegram.errors import bad_request, conflict

MOST_UPDATES = 100
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  (the name of a header)
FIRST_RETRY_SECONDS = 0.05
LONGEST_RETRY_SECONDS = 2.0
WEBHOOK_TIMEOUT = 10.0


class Updates:
    """The queue of one bot, numbered from ``first_id`` on. All of it runs in the server's event loop."""

    def __init__(self, first_id: int) -> None:
        self.webhook: dict[str, Any] = {"url": ""}
        self._waiting: deque[dict[str, Any]] = deque()
        self._next_id = first_id
        self._allowed: list[str] = []
        self._news = asyncio.Event()
        self._poller: asyncio.Future[None] | None = None
        self._carrier: asyncio.Task[None] | None = None

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Something of ``kind`` (such as ``message``) has happened; kept where the bot wants to hear of it."""
        if self._allowed and kind not in self._allowed:
            return
        self._waiting.append({"update_id": self._next_id, kind: content})
        self._next_id += 1
        self._news.set()

    async def get(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """``getUpdates``: those from ``offset`` on, waited for at most ``timeout`` seconds; the ones before are over.

        Raises:
            ApiError: 409, also to an earlier poller, which a new one ends.
        """
        if self.webhook["url"]:
            raise conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete it first")
        self._allow(parameters)
        if self._poller is not None and not self._poller.done():
            self._poller.set_exception(
                conflict("terminated by other getUpdates request; make sure that only one bot instance is running")
            )
        offset = int(parameters.get("offset", 0))
        if offset < 0:
            offset = self._next_id + offset
        while self._waiting and self._waiting[0]["update_id"] < offset:
            self._waiting.popleft()
        limit = int(parameters.get("limit", MOST_UPDATES))
        if not self._waiting:
            await self._wait(float(parameters.get("timeout", 0)))
        return list(self._waiting)[:limit]

    def set_webhook(self, parameters: dict[str, Any]) -> bool:
        """``setWebhook``; without an address the same as ``deleteWebhook``."""
        self.delete_webhook(parameters)
        if not parameters.get("url"):
            return True
        if not str(parameters["url"]).startswith(("http://127.0.0.1", "https://")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        self._allow(parameters)
        self.webhook = {"url": parameters["url"], "secret": parameters.get("secret_token", "")}
        self._carrier = asyncio.get_running_loop().create_task(self._carry())
        return True

    def delete_webhook(self, parameters: dict[str, Any]) -> bool:
        """``deleteWebhook``; with ``drop_pending_updates`` what waits is forgotten."""
        self.close()
        self.webhook = {"url": ""}
        if str(parameters.get("drop_pending_updates", "")).lower() == "true":
            self._waiting.clear()
        return True

    def webhook_info(self) -> dict[str, Any]:
        """``getWebhookInfo``."""
        told = {name: value for name, value in self.webhook.items() if name != "secret"}
        return {**told, "has_custom_certificate": False, "pending_update_count": len(self._waiting)}

    def close(self) -> None:
        """Stop bringing updates to the webhook."""
        if self._carrier is not None:
            self._carrier.cancel()
            self._carrier = None

    def _allow(self, parameters: dict[str, Any]) -> None:
        """``allowed_updates`` holds until another list is given; an empty one is all kinds."""
        if "allowed_updates" in parameters:
            allowed = parameters["allowed_updates"]
            self._allowed = json.loads(allowed) if isinstance(allowed, str) else list(allowed)

    async def _wait(self, seconds: float) -> None:
        self._news.clear()
        poller = self._poller = asyncio.get_running_loop().create_future()
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({poller, news}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        if poller.done():
            poller.result()
        else:
            poller.cancel()

    async def _carry(self) -> None:
        """Bring each update to the webhook, in order, until it is answered with 2xx."""
        pause = FIRST_RETRY_SECONDS
        async with httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT, verify=trusted()) as client:
            while True:
                while not self._waiting:
                    self._news.clear()
                    await self._news.wait()
                update, webhook = self._waiting[0], self.webhook
                try:
                    headers = {SECRET_HEADER: webhook["secret"]} if webhook["secret"] else {}
                    answer = await client.post(webhook["url"], json=update, headers=headers)
                    problem = "" if answer.is_success else f"Wrong response from the webhook: {answer.status_code}"
                except httpx.HTTPError as error:
                    problem = f"Connection failed: {type(error).__name__}"
                if not problem:
                    self._waiting.popleft()
                    pause = FIRST_RETRY_SECONDS
                    continue
                webhook["last_error_message"] = problem
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_RETRY_SECONDS)
