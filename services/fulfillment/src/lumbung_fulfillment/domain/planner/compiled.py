"""Functions that become machine code, and what they have in common.

The planner looks at a hundred thousand carts in a second; Python would look at a few hundred. What is compiled is
written in the part of Python that numba understands: arrays, named tuples of arrays, numbers. It lets go of the
interpreter's lock, so a service goes on answering while it plans. The machine code is kept beside the sources, where
`lumbung_fulfillment.domain.planner.warm` puts it at set-up.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int16]
Bits = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

NEVER = 1e18
"""Longer than any walk, later than any courier."""

_F = TypeVar("_F", bound=Callable[..., Any])


def _forget_stale() -> None:
    """numba compiles a function anew when its own file has changed, and not when what it calls has, in another file.
    All machine code here that is older than any of the sources goes."""
    folder = Path(__file__).parent
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    for index in folder.glob("__pycache__/*.nbi"):
        with suppress(
            OSError
        ):  # another process may do the same; where we may not write, nobody edits either
            if index.stat().st_mtime < newest:
                index.unlink()


_forget_stale()


def compiled(function: _F) -> _F:
    """The same function as machine code, compiled when it is first called and kept on disk."""
    return cast(_F, njit(cache=True, nogil=True)(function))
