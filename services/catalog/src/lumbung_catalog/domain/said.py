"""What staff read, in English and in Bahasa Indonesia."""

from typing import Self


class Said(str):
    """A sentence in English that knows itself in Bahasa Indonesia too. Codes and numbers are the same in both."""

    __slots__ = ("indonesian",)
    indonesian: str

    def __new__(cls, english: str, indonesian: str = "") -> Self:
        """Without a translation it is data: a code, a number, an example."""
        said = super().__new__(cls, english)
        said.indonesian = indonesian or english
        return said


def indonesian(text: str) -> str:
    """The text in Bahasa Indonesia, where it has one."""
    return text.indonesian if isinstance(text, Said) else text
