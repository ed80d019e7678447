"""Whether stock has begun to use a SKU, and the seal that keeps it from beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lumbung_kit.failures import Failure, Kind, PreconditionViolation

SEAL_TIME = timedelta(seconds=60)
"""CHECK sku_seal_ends has the same bound."""
USES_NAMED_MAX = 20
DRAWN_MAX = 200


class SkuInUse(Failure):
    """Stock has used this SKU already; what is fixed of it stays."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_IN_USE"


class SkuSealed(Failure):
    """The catalog is correcting this SKU; it can be used in a moment."""

    kind = Kind.ABORTED
    reason = "SKU_SEALED"


@dataclass(frozen=True, slots=True)
class SkuUse:
    """One thing that uses a SKU. `by` is what kind of thing, such as LEVEL; `document` names it: a warehouse, an id."""

    sku_code: str
    by: str
    document: str


@dataclass(frozen=True, slots=True)
class SealWish:
    """What somebody wants sealed: a SKU in the version that is to be corrected, and all that it has ever drawn."""

    sku_code: str
    sku_version: int
    drawn_sku_codes: tuple[str, ...]

    @property
    def sku_codes(self) -> tuple[str, ...]:
        """All that must be unused, in the order in which they are locked."""
        return tuple(sorted({self.sku_code, *self.drawn_sku_codes}))


@dataclass(frozen=True, slots=True)
class SkuSeal:
    """Nothing begins to use the SKU until then, unless the catalog has a newer version of it before."""

    expire_time: datetime


def require_unused(uses: Sequence[SkuUse]) -> None:
    """Raises SkuInUse, naming what uses which."""
    if not uses:
        return
    first = uses[0]
    raise SkuInUse(
        f"{first.sku_code} is used: {first.by} {first.document}".rstrip() + ".",
        metadata={"sku_code": first.sku_code, "used_by": first.by},
        preconditions=[
            PreconditionViolation(use.by, use.sku_code, f"used by {use.document or 'stock'}")
            for use in uses[:USES_NAMED_MAX]
        ],
    )
