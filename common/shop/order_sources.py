"""A shop's order sources as they are stored: whose they are, and their sealed secrets."""

from __future__ import annotations

import json
import uuid
from typing import Any

from common.shop.sealed import seal, unseal

PLATFORMS = ("shopify", "woocommerce")


def seal_secrets(source_id: uuid.UUID, secrets: list[str]) -> bytes:
    """Seal the secrets that sign the source's webhooks. Raises SecretsNotConfigured."""
    return seal(json.dumps(secrets), f"secrets of {source_id}")


def unseal_secrets(source_id: uuid.UUID, sealed: bytes) -> list[str]:
    secrets: list[str] = json.loads(unseal(sealed, f"secrets of {source_id}"))
    return secrets


def seal_api(source_id: uuid.UUID, api: dict[str, Any] | None) -> bytes | None:
    """Seal the URL and the token of the platform's API. Raises SecretsNotConfigured."""
    return None if api is None else seal(json.dumps(api), f"api of {source_id}")


def unseal_api(source_id: uuid.UUID, sealed: bytes | None) -> dict[str, str] | None:
    if sealed is None:
        return None
    api: dict[str, str] = json.loads(unseal(sealed, f"api of {source_id}"))
    return api
