"""Sends signed webhooks until they are taken; on request as badly as real platforms do: twice, and out of order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from lumbung_dev.marketplace.shop import Order

AT_ONCE = 64
ATTEMPTS_MAX = 40
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
TIMEOUT_S = 10.0
HELD_BACK_S = (0.2, 1.5)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook, to be signed anew for every attempt."""

    topic: str
    delivery_id: str
    body: bytes
    traceparent: str


class WebhookSender:
    """Sends to one URL, at most 64 at a time."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        secret: str,
        *,
        duplicate_percent: int,
        reorder_percent: int,
        seed: int,
    ) -> None:
        self._client = client
        self._url = url
        self._secret = secret
        self._duplicate_percent = duplicate_percent
        self._reorder_percent = reorder_percent
        self._chance = random.Random(seed)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    def order_placed(self, order: Order) -> None:
        """Somebody bought."""
        body = {
            "order_id": order.order_id,
            "buyer_id": order.buyer_id,
            "courier": order.courier,
            "placed_at": datetime.fromtimestamp(order.placed_at_s, UTC).isoformat(),
            "lines": _lines(order),
        }
        self._send("order.placed", body, order)

    def order_cancelled(self, order: Order) -> None:
        """The buyer cancelled."""
        self._send("order.cancelled", {"order_id": order.order_id, "reason": order.reason}, order)

    def return_announced(self, order: Order) -> None:
        """The buyer sends it back."""
        body = {
            "return_id": order.return_id,
            "order_id": order.order_id,
            "reason": order.reason,
            "lines": _lines(order),
        }
        self._send("return.announced", body, order)

    async def close(self) -> None:
        """Gives up what is still on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send(self, topic: str, body: Mapping[str, object], order: Order) -> None:
        if not self._url:
            return
        delivery = Delivery(topic, uuid.uuid4().hex, json.dumps(body).encode(), order.traceparent)
        held_back_s = self._chance.uniform(*HELD_BACK_S) if self._happens(self._reorder_percent) else 0.0
        self._start(delivery, held_back_s)
        if self._happens(self._duplicate_percent):
            self.counts["duplicated"] += 1
            self._start(delivery, held_back_s + self._chance.uniform(0, HELD_BACK_S[1]))

    def _happens(self, percent: int) -> bool:
        return self._chance.randrange(100) < percent

    def _start(self, delivery: Delivery, held_back_s: float) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(delivery, held_back_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, held_back_s: float) -> None:
        if held_back_s:
            self.counts["held back"] += 1
            await asyncio.sleep(held_back_s)
        for attempt in range(ATTEMPTS_MAX):
            async with self._slots:
                if await self._attempt(delivery):
                    self.counts["taken"] += 1
                    return
            self.counts["tried again"] += 1
            await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**attempt))
        self.counts["given up"] += 1

    async def _attempt(self, delivery: Delivery) -> bool:
        timestamp = str(int(time.time()))
        signed = timestamp.encode() + b"." + delivery.body
        headers = {
            "content-type": "application/json",
            "x-marketplace-topic": delivery.topic,
            "x-marketplace-timestamp": timestamp,
            "x-marketplace-signature": hmac.new(self._secret.encode(), signed, hashlib.sha256).hexdigest(),
            "x-marketplace-delivery-id": delivery.delivery_id,
        }
        if delivery.traceparent:
            headers["traceparent"] = delivery.traceparent
        try:
            response = await self._client.post(
                self._url, content=delivery.body, headers=headers, timeout=TIMEOUT_S
            )
        except httpx.HTTPError:
            return False
        return response.is_success


def _lines(order: Order) -> list[dict[str, object]]:
    return [
        {"listing_id": line.listing_id, "quantity": line.quantity, "sale_code": line.sale_code}
        for line in order.lines
    ]
