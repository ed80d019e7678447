"""What the spectator sees while the demo plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding

_WIDTH_WITHOUT_TERMINAL = 120
_REFRESH_PER_S = 6
_INDENT = 3


class Stage:
    """A console that tells a story: acts with a clock, sentences, and pictures that move."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = _WIDTH_WITHOUT_TERMINAL
        self._begun = time.monotonic()
        self._spinner = self.console.status("[dim]working[/]", spinner="dots")

    @property
    def elapsed_s(self) -> float:
        """Since the curtain rose."""
        return time.monotonic() - self._begun

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        """Everything inside belongs to one act; a spinner turns meanwhile."""
        self.console.print(f"[bold cyan]{title}[/] [dim]{self.elapsed_s:5.1f} s[/]")
        self._spinner.start()
        try:
            yield
        finally:
            self._spinner.stop()

    def rest(self) -> None:
        """Stops the spinner: what follows takes as long as the spectator wants."""
        self._spinner.stop()

    def say(self, sentence: str) -> None:
        """One sentence of the present act."""
        self.console.print(_indented(sentence))

    @contextmanager
    def moving(self, picture: Callable[[], RenderableType]) -> Iterator[None]:
        """Shows a picture that is drawn anew all the time, and leaves its last state standing."""
        if not self.console.is_terminal:
            yield
            self.console.print(_indented(picture()))
            return
        self._spinner.stop()
        with Live(
            get_renderable=lambda: _indented(picture()),
            console=self.console,
            refresh_per_second=_REFRESH_PER_S,
        ):
            yield
        self._spinner.start()


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, _INDENT), expand=False)
