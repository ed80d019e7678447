"""The channels' secrets: from a file that only its owner can read, read anew when it changes. Never stored, never
logged."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from lumbung_channel_sync.domain.channels import ChannelSecret


class BadSecretsFile(Exception):  # noqa: N818 - a sentence for the person who wrote the file
    """The secrets file cannot be used."""


class Secrets:
    """Secrets by reference. The file is JSON: `{"tokoria": {"webhook_secret": "...", "api_key": "..."}}`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at: tuple[int, int, int] | None = None
        self._by_reference: dict[str, ChannelSecret] = {}

    def get(self, reference: str) -> ChannelSecret | None:
        """The secret, or None when there is none. While the file cannot be used, what was read last goes on."""
        if self._path is not None:
            try:
                self.read_if_changed()
            except BadSecretsFile:
                if self._read_at is None:
                    raise
        return self._by_reference.get(reference)

    def read_if_changed(self) -> None:
        """Reads the file when it is not the one that was read last. Raises BadSecretsFile."""
        if self._path is None:
            return
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen == self._read_at:
                return
            if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise BadSecretsFile(f"{self._path} can be read by others than its owner: chmod 600 it")
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadSecretsFile(f"{self._path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise BadSecretsFile(f"{self._path} is not JSON") from error
        self._by_reference = _parse(self._path, stored)
        self._read_at = seen


def _parse(path: Path, stored: Any) -> dict[str, ChannelSecret]:
    try:
        found = {
            str(reference): ChannelSecret(str(entry["webhook_secret"]), str(entry["api_key"]))
            for reference, entry in stored.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise BadSecretsFile(
            f"{path} must hold an object per reference, each with webhook_secret and api_key"
        ) from error
    if any(not secret.webhook_secret or not secret.api_key for secret in found.values()):
        raise BadSecretsFile(f"{path} has an empty secret")
    return found
