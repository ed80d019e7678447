"""A run that cannot begin says why in a sentence."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.lock import sole_user_of
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.embedded.ports import free_port


def test_second_run_in_the_same_folder_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    with (
        sole_user_of(tmp_path),
        pytest.raises(Trouble, match=f"already running in .* \\(process {os.getpid()}\\)"),
        sole_user_of(tmp_path),
    ):
        pass
    with sole_user_of(tmp_path):
        pass


def test_busy_port_is_named() -> None:
    base = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base + 2))
        taken.listen()
        with pytest.raises(Trouble, match=rf"in use already: {base + 2} \(stock\)"):
            Addresses.above(base)


def test_free_addresses_are_all_different() -> None:
    found = Addresses.any_free()
    assert len({found.of(name) for name in Addresses.names()}) == len(Addresses.names())
