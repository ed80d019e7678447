"""So many of one thing to one of another."""

from __future__ import annotations


def rate(count: float, of: float) -> float:
    """`count` to each of `of`; 0 where there is nothing to divide by."""
    return count / of if of > 0 else 0.0
