"""Encrypts what shops entrust to us, such as the secrets of their platforms, with AES-256-GCM.

A sealed value is a version byte, a random nonce of 96 bits (NIST SP 800-38D, section 8.2.2) and the ciphertext with its
tag. It can be opened only for the purpose for which it was sealed, which is authenticated with it: a value that is
copied into another shop's row is refused.
"""

from __future__ import annotations

import os

from common.config import settings
from common.errors import SecretsNotConfigured

VERSION = b"\x01"
NONCE_BYTES = 12


def seal(text: str, purpose: str) -> bytes:
    """Encrypt a text with the first key of SECRETS_KEY. Raises SecretsNotConfigured without one."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # slow to import

    first, *_ = _keys()
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(first).encrypt(nonce, text.encode(), purpose.encode())


def unseal(sealed: bytes, purpose: str) -> str:
    """Decrypt what `seal` returned for this purpose, with any key. Raises SecretsNotConfigured if none opens it."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    start = len(VERSION)
    nonce, ciphertext = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
    for key in _keys():
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, purpose.encode()).decode()
        except InvalidTag:
            continue
    raise SecretsNotConfigured("SECRETS_KEY has no key that opens this secret: it was sealed with another one.")


def _keys() -> tuple[bytes, ...]:
    if not (keys := settings().secrets_key):
        raise SecretsNotConfigured()
    return keys
