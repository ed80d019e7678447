"""The secrets file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lumbung_channel_sync.clients.secrets import BadSecretsFile, Secrets


def write(path: Path, content: str, mode: int = 0o600) -> None:
    """As an operator does."""
    path.write_text(content)
    path.chmod(mode)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    write(path, json.dumps({"tokoria": {"webhook_secret": "one", "api_key": "k"}}))
    secrets = Secrets(path)
    assert (found := secrets.get("tokoria")) is not None
    assert found.webhook_secret == "one"
    write(path, json.dumps({"tokoria": {"webhook_secret": "second", "api_key": "k"}}))
    os.utime(path, ns=(1, 1))
    assert (found := secrets.get("tokoria")) is not None
    assert found.webhook_secret == "second"
    assert secrets.get("nobody") is None


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        ("{}", 0o644, "chmod 600"),
        ("{", 0o600, "not JSON"),
        ("[]", 0o600, "must hold"),
        ('{"a": {"webhook_secret": "x"}}', 0o600, "must hold"),
        ('{"a": {"webhook_secret": "", "api_key": "k"}}', 0o600, "empty secret"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, content: str, mode: int, sentence: str) -> None:
    path = tmp_path / "secrets.json"
    write(path, content, mode)
    with pytest.raises(BadSecretsFile, match=sentence):
        Secrets(path).get("a")


def test_while_a_new_file_is_broken_the_old_secrets_go_on(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    write(path, json.dumps({"tokoria": {"webhook_secret": "one", "api_key": "k"}}))
    secrets = Secrets(path)
    assert secrets.get("tokoria") is not None
    write(path, "half a fi")
    assert secrets.get("tokoria") is not None


def test_without_a_file_there_are_none() -> None:
    assert Secrets(None).get("tokoria") is None
