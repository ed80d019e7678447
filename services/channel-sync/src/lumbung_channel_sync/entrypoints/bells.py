"""Who has to hear what after a commit, so that nothing waits for the next look."""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_kit.events import EventLog
from lumbung_kit.loops import Wakeup


@dataclass(frozen=True, slots=True)
class Bells:
    """Rung after commits; every loop looks by itself as well, a little later."""

    log: EventLog
    figures: Wakeup = field(default_factory=Wakeup)
    deliveries: Wakeup = field(default_factory=Wakeup)
    answers: Wakeup = field(default_factory=Wakeup)

    def configured(self) -> None:
        """Channels or listings were changed by a person."""
        self.log.poke()
        self.figures.ring()

    def settled(self) -> None:
        """Orders were decided or cancelled."""
        self.log.poke()
        self.answers.ring()
        self.figures.ring()
        self.deliveries.ring()
