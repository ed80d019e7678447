import json
import logging
from collections.abc import Iterator

import pytest

from lumbung_kit import logs


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_ours_and_the_libraries_lines_are_json_of_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("probe", "INFO", True)
    logs.get_logger("lumbung.probe").info("counted", shelf=7)
    logging.getLogger("some.library").warning("took %d s", 3)
    logs.get_logger("lumbung.probe").debug("not shown")
    ours, theirs = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ours["event"], ours["shelf"], ours["service"], ours["level"]) == ("counted", 7, "probe", "info")
    assert (theirs["event"], theirs["service"], theirs["logger"]) == ("took 3 s", "probe", "some.library")
    assert ours["timestamp"].endswith("Z")


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_is_told_without_the_values_of_its_variables(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    def fail(buyer: str) -> None:
        raise ValueError(len(buyer))

    logs.setup("probe", "INFO", as_json)
    try:
        fail(" ".join(["Jalan", "Melati"]))
    except ValueError:
        logs.get_logger("lumbung.probe").exception("failed")
    said = capsys.readouterr().out
    assert "ValueError" in said
    assert "Jalan Melati" not in said
