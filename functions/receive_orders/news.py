"""What a webhook says, in our own terms: the same for every platform."""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.shop.orders import Refund, TrustedOrder


@dataclass(frozen=True)
class Withdrawal:
    """An order that was cancelled, deleted, or a test: it is counted no more, nor ever."""

    order_id: str
    state: str


@dataclass(frozen=True)
class DataRequest:
    """A customer asks the merchant for their data."""

    request_id: str
    email: str | None
    customer_id: str | None
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class CustomerErasure:
    """A customer is to be forgotten, and whose these orders were."""

    email: str | None
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class ShopErasure:
    """The shop has left the platform: what is known through this source alone is to be forgotten."""


News = TrustedOrder | Refund | Withdrawal | DataRequest | CustomerErasure | ShopErasure


def withdrawn(order: TrustedOrder, state: str) -> list[News]:
    """Return the news of an order that is not to be counted: under none of its names, of which browsers use any.

    The first of them joins what is known under its other names; the second withdraws what was counted before.
    """
    return [replace(order, state="cancelled"), Withdrawal(order.order_id, state)]
