"""The reasons for which figures are corrected by hand, and how the ledger writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lumbung_kit.failures import Failure, Kind

FORM: Final = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
CODES_MAX: Final = 200
REASON_LENGTH_MAX: Final = 200


class ReasonCodeUnknown(Failure):
    """No reason has this code, or it is retired; the metadata name those that may be used."""

    kind = Kind.NOT_FOUND
    reason = "REASON_CODE_UNKNOWN"


class TooManyReasonCodes(Failure):
    """There are as many reason codes as there may be; change one of them."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TOO_MANY_REASON_CODES"


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """A reason, in both languages of the staff."""

    code: str
    name_en: str
    name_id: str
    retired: bool


@dataclass(frozen=True, slots=True)
class ReasonChange:
    """What a reason was from some time on."""

    reason: ReasonCode
    time: datetime
    actor: str


def reason_text(code: str, words: str) -> str:
    """What the ledger keeps: `DAMAGE: fell off the shelf`, or either of the two alone."""
    return ": ".join(part for part in (code, words) if part)


def require_known(known: Mapping[str, ReasonCode], code: str) -> None:
    """Raises ReasonCodeUnknown, which names those that may be used."""
    if code not in known or known[code].retired:
        usable = sorted(each.code for each in known.values() if not each.retired)
        raise ReasonCodeUnknown(metadata={"reason_code": code, "usable": ",".join(usable)})
