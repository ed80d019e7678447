"""How large labels are, and where they lie on a page. Lengths in millimetres."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

A4_WIDTH_MM, A4_HEIGHT_MM = 210.0, 297.0
DOT_MM = 0.125
"""A dot of a thermal printer of 203 dpi: 8 to the millimetre."""


class LabelSize(IntEnum):
    """The sizes on offer. The numbers are those of the contract."""

    A4_70X37 = 1
    A4_63X38 = 2
    A4_99X38 = 3
    ROLL_50X30 = 4
    ROLL_100X50 = 5


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of equal labels, the same distance from its edges on opposite sides."""

    label_width_mm: float
    label_height_mm: float
    columns: int = 1
    rows: int = 1
    gap_mm: float = 0.0
    page_width_mm: float = A4_WIDTH_MM
    page_height_mm: float = A4_HEIGHT_MM
    dot_mm: float = 0.0

    @property
    def places(self) -> int:
        """How many labels a page has."""
        return self.columns * self.rows

    def corner(self, place: int) -> tuple[float, float]:
        """The left upper corner of a place, counted from 0 along the rows: from the left, from the top."""
        row, column = divmod(place, self.columns)
        used_width = self.columns * self.label_width_mm + (self.columns - 1) * self.gap_mm
        left = (self.page_width_mm - used_width) / 2
        top = (self.page_height_mm - self.rows * self.label_height_mm) / 2
        return left + column * (self.label_width_mm + self.gap_mm), top + row * self.label_height_mm

    def pages(self, label_count: int, used_places: int) -> Iterator[range]:
        """For each page, which labels lie on it; the first of them lies behind the places that are used up."""
        first = 0
        while first < label_count:
            room = self.places - used_places if first == 0 else self.places
            yield range(first, min(label_count, first + room))
            first += room


def _roll(width_mm: float, height_mm: float) -> Sheet:
    return Sheet(width_mm, height_mm, page_width_mm=width_mm, page_height_mm=height_mm, dot_mm=DOT_MM)


SHEETS = {
    LabelSize.A4_70X37: Sheet(70, 37, columns=3, rows=8),
    LabelSize.A4_63X38: Sheet(63.5, 38.1, columns=3, rows=7, gap_mm=2.5),
    LabelSize.A4_99X38: Sheet(99.1, 38.1, columns=2, rows=7, gap_mm=2.5),
    LabelSize.ROLL_50X30: _roll(50, 30),
    LabelSize.ROLL_100X50: _roll(100, 50),
}
