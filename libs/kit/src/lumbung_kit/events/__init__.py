"""Events as a log: written with the change, published with gap-free positions, each taking effect once
elsewhere.

A service appends events in the transaction of its change (`append`). Its publisher gives committed events the
positions 1, 2, 3, ... (`EventLog`): a reader that has seen position N never finds a smaller one afterwards.
Another service follows the log and applies each event in one transaction with its own checkpoint
(`Consumer`).

Two changes that lock the same row append in the order of their locks, so their events come in that order too.
Events of changes that do not meet may come in any order.
"""

from lumbung_kit.events.consumer import Consumer, EventGapError, Positioned
from lumbung_kit.events.log import EventLog, NewEvent, StoredEvent, append

__all__ = ["Consumer", "EventGapError", "EventLog", "NewEvent", "Positioned", "StoredEvent", "append"]
