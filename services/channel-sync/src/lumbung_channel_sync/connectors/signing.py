"""HMAC-SHA256 over raw bytes, in the forms that platforms use; compared in constant time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from enum import Enum


class Encoding(Enum):
    """How a platform writes the digest."""

    HEX = "hex"
    BASE64 = "base64"


def signature(key: str, signed: bytes, encoding: Encoding) -> str:
    """The text that a platform puts into its header."""
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return digest.hex() if encoding is Encoding.HEX else base64.b64encode(digest).decode()


def matches(key: str, signed: bytes, encoding: Encoding, claimed: str) -> bool:
    """Whether `claimed` signs exactly these bytes. An empty key or claim never does."""
    if not key or not claimed:
        return False
    expected = signature(key, signed, encoding)
    return hmac.compare_digest(expected.encode(), claimed.strip().encode("utf-8", "replace"))
