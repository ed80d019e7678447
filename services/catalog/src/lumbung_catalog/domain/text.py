"""How texts that people type are compared."""

import unicodedata


def folded(text: str) -> str:
    """The text without letter case, width and repeated spaces: equal folds mean the same to people."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shortened(text: str, length_max: int) -> str:
    """The text cut to a length, with a mark where it was cut."""
    return text if len(text) <= length_max else text[: length_max - 1] + "…"
