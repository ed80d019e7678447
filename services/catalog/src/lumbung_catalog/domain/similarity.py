"""Which SKUs look like one another, so that nobody creates the same thing twice.

Codes are alike when only case, spacing or punctuation differ, when an O stands for a 0 or an l or I for a 1, or
when two neighbouring characters changed places. Letters of other alphabets that look Latin count as Latin.
Names are alike when their marks - numbers, and words of one or two letters - are the same and their
longer words nearly so, in whatever order: `Power Bank 10000 mAh` and `powerbank 10000mAh` are,
`Power Bank 20000 mAh` is another thing, and so is `Vitamin D` beside `Vitamin C`.
Variants of one product resemble each other by nature: between them only equal codes count.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from lumbung_catalog.domain.limits import LOOK_ALIKES_MAX, SAME_MARKS_COMPARED_MAX

NAME_SCORE_MIN = 90
CONFUSED_CODE_SCORE = 98
SWAPPED_CODE_SCORE = 95
SWAPPED_DIGITS_NAME_SCORE_MIN = 75
MARK_LETTERS_MAX = 2
SIGNATURE_KINDS = 32
SIGNATURE_LEVELS = 4

_WORDS_AND_NUMBERS = re.compile(r"[0-9]+|[^\W\d_]+")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_NOT_IN_CODE_KEY = re.compile(r"[^a-z0-9]")
_ZERO_IN_WORD = re.compile(r"(?<=[^\W\d_])0(?=[^\W\d_])")
_O_IN_NUMBER = re.compile(r"(?<=[0-9])[oO](?=[0-9])")
# A small L looks like 1, a capital one does not; characters that may be confused in any case are kept together.
_SEEN = str.maketrans("OolI", "0011")
_KEPT_TOGETHER = str.maketrans("oli", "011")
# Letters that look Latin, small ones after case folding: from "confusables" of Unicode Technical Standard 39.
_LATIN = str.maketrans("аеорсухіјѕһԁԛԝɡαονρτυικ", "aeopcyxijshdqwgaovptuik")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What of a SKU is compared."""

    sku_code: str
    name: str
    product_code: str
    code_key: str
    marks: str
    words_in_order: str
    words_sorted: str

    @property
    def code_characters(self) -> str:
        """Equal for codes that hold the same characters in whatever order."""
        return characters(self.code_key.translate(_KEPT_TOGETHER))

    @property
    def code_seen(self) -> str:
        """The code as it looks: equal for codes that people take for each other."""
        return _NOT_IN_CODE_KEY.sub("", self.sku_code.translate(_SEEN).casefold())

    @property
    def letters(self) -> str:
        """The name's letters, in alphabetical order."""
        return _letters(self.name)


@dataclass(frozen=True, slots=True)
class Similar:
    """A SKU that looks like the one asked about."""

    sku_code: str
    name: str
    score: int
    field: str


@dataclass(frozen=True, slots=True)
class Known:
    """A SKU that is there, of which no more is known than its row says."""

    sku_code: str
    name: str
    product_code: str
    code_characters: str

    @property
    def compared(self) -> Fingerprint:
        """What of it is compared."""
        return fingerprint(self.sku_code, self.name, self.product_code)


def fingerprint(sku_code: str, name: str, product_code: str) -> Fingerprint:
    """What of a SKU is compared, computed once."""
    parts = _WORDS_AND_NUMBERS.findall(_readable(name))
    words = [part for part in parts if not _is_mark(part)]
    return Fingerprint(
        sku_code=sku_code,
        name=name,
        product_code=product_code,
        code_key=_NOT_IN_CODE_KEY.sub("", sku_code.casefold()),
        marks=" ".join(sorted(part.lstrip("0") or "0" for part in parts if _is_mark(part))),
        words_in_order="".join(words),
        words_sorted="".join(sorted(words)),
    )


def _readable(name: str) -> str:
    """The name without letter case and width, look-alike letters made Latin, and O and 0 where each belongs."""
    wide = name if name.isascii() else unicodedata.normalize("NFKC", name)
    latin = wide.lower() if name.isascii() else wide.casefold().translate(_LATIN)
    return _O_IN_NUMBER.sub("0", _ZERO_IN_WORD.sub("o", latin) if "0" in latin else latin)


def _is_mark(part: str) -> bool:
    """What tells things of one kind apart: 10000 and 20000, S and XL, C and D."""
    return part[0].isdigit() or len(part) <= MARK_LETTERS_MAX


def characters(code_key: str) -> str:
    """A code's characters in order."""
    return "".join(sorted(code_key))


def nearby(new: Fingerprint, known: Sequence[Known]) -> list[Fingerprint]:
    """Those of many SKUs that are worth a whole comparison, some twenty times sooner than comparing all.

    Nothing that is alike is left out: letters in alphabetical order are at least as alike as the words that they are
    from, in whatever order those are compared, since what two texts have in common in one order they have in every
    (rapidfuzz.fuzz.ratio counts the longest common subsequence).
    """
    letters = [_letters(one.name) for one in known]
    near = {
        place
        for _, _, place in process.extract(
            _letters(new.name), letters, scorer=fuzz.ratio, score_cutoff=NAME_SCORE_MIN, limit=None
        )
    }
    return [
        one.compared
        for place, one in enumerate(known)
        if place in near or one.code_characters == new.code_characters
    ]


def signature(letters: str) -> str:
    """128 bits that say which letters a name has: up to four of each of 32 kinds, as ones and zeros.

    Where one name has a letter that the other has not, at most one bit differs: so names that differ in more bits than
    alike ones have letters of their own are not alike, and need not be looked at.
    """
    counts = [0] * SIGNATURE_KINDS
    for letter in letters:
        counts[_kind_of(letter)] += 1
    return "".join(("1" * min(count, SIGNATURE_LEVELS)).ljust(SIGNATURE_LEVELS, "0") for count in counts)


def _kind_of(letter: str) -> int:
    """26 Latin letters, and six kinds for all others."""
    if "a" <= letter <= "z":
        return ord(letter) - ord("a")
    return 26 + ord(letter) % (SIGNATURE_KINDS - 26)


def _letters(name: str) -> str:
    return "".join(sorted(_NO_LETTERS.sub("", _readable(name))))


class Neighbourhood:
    """SKUs among which look-alikes are sought."""

    def __init__(self, known: Iterable[Fingerprint]) -> None:
        self._by_key: dict[str, list[Fingerprint]] = defaultdict(list)
        self._by_seen: dict[str, list[Fingerprint]] = defaultdict(list)
        self._by_marks: dict[str, _SameMarks] = defaultdict(_SameMarks)
        for one in known:
            self.add(one)

    def add(self, one: Fingerprint) -> None:
        """From now on it is found too."""
        self._by_key[one.code_key].append(one)
        self._by_seen[one.code_seen].append(one)
        self._by_marks[one.marks].add(one)

    def similar_to(self, new: Fingerprint, limit: int) -> list[Similar]:
        """The SKUs that look like a new one, nearest first."""
        found: dict[str, Similar] = {}
        for other, score, field in [*self._by_code(new), *self._by_name(new)]:
            best = found.get(other.sku_code)
            if best is None or best.score < score:
                found[other.sku_code] = Similar(other.sku_code, other.name, score, field)
        return sorted(found.values(), key=lambda one: (-one.score, one.sku_code))[:limit]

    def newly_similar(self, before: Fingerprint, after: Fingerprint, limit: int) -> list[Similar]:
        """The SKUs that look like one under another name, nearest first, and not already under the one that it has."""
        similar = self.similar_to(after, LOOK_ALIKES_MAX)
        if not similar:
            return []
        known = {one.sku_code for one in self.similar_to(before, LOOK_ALIKES_MAX)}
        return [one for one in similar if one.sku_code not in known][:limit]

    def _by_code(self, new: Fingerprint) -> Iterable[tuple[Fingerprint, int, str]]:
        """Looks up the codes that there may be: those with the same characters are many in a series of numbers."""
        near = [*self._by_key.get(new.code_key, ()), *self._by_seen.get(new.code_seen, ())]
        for swapped in _with_neighbours_swapped(new.code_key):
            near += self._by_key.get(swapped, ())
        for other in near:
            score = code_score(new, other)
            if score:
                yield other, score, "sku_code"

    def _by_name(self, new: Fingerprint) -> Iterable[tuple[Fingerprint, int, str]]:
        if not new.words_sorted or new.marks not in self._by_marks:
            return
        for other, score in self._by_marks[new.marks].nearly_named(new):
            if other.product_code != new.product_code:
                yield other, score, "name"


class _SameMarks:
    """SKUs whose names have the same marks, their words side by side for one pass over all of them."""

    def __init__(self) -> None:
        self._skus: list[Fingerprint] = []
        self._in_order: list[str] = []
        self._sorted: list[str] = []

    def add(self, one: Fingerprint) -> None:
        self._skus.append(one)
        self._in_order.append(one.words_in_order)
        self._sorted.append(one.words_sorted)

    def nearly_named(self, new: Fingerprint) -> Iterable[tuple[Fingerprint, int]]:
        first = max(0, len(self._skus) - SAME_MARKS_COMPARED_MAX)
        for words, choices in ((new.words_in_order, self._in_order), (new.words_sorted, self._sorted)):
            for _, score, place in process.extract(
                words, choices[first:], scorer=fuzz.ratio, score_cutoff=NAME_SCORE_MIN, limit=None
            ):
                yield self._skus[first + place], int(score)


def code_score(new: Fingerprint, other: Fingerprint) -> int:
    """100 for codes equal but for case and punctuation, 98 when they look equal, 95 when two neighbours changed
    places, else 0.
    """
    if new.code_key == other.code_key:
        return 100
    if new.code_seen == other.code_seen:
        return CONFUSED_CODE_SCORE
    if new.product_code == other.product_code or not _swapped(new.code_key, other.code_key):
        return 0
    if _only_digits_moved(new.code_key, other.code_key) and not _names_alike(new, other):
        return 0  # PB-12 and PB-21 are neighbours in a series, unless the names say the same
    return SWAPPED_CODE_SCORE


def _with_neighbours_swapped(key: str) -> Iterable[str]:
    for place in range(len(key) - 1):
        if key[place] != key[place + 1]:
            yield key[:place] + key[place + 1] + key[place] + key[place + 2 :]


def _swapped(one: str, other: str) -> bool:
    places = _differences(one, other)
    return (
        len(one) == len(other)
        and len(places) == 2
        and places[1] == places[0] + 1
        and one[places[0]] == other[places[1]]
        and one[places[1]] == other[places[0]]
    )


def _only_digits_moved(one: str, other: str) -> bool:
    return all(one[place].isdigit() for place in _differences(one, other))


def _differences(one: str, other: str) -> Sequence[int]:
    return [place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]


def _names_alike(new: Fingerprint, other: Fingerprint) -> bool:
    words_score = fuzz.ratio(new.words_in_order, other.words_in_order)
    return new.marks == other.marks and words_score >= SWAPPED_DIGITS_NAME_SCORE_MIN
