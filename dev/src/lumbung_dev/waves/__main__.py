"""The commands for waves alone."""

from lumbung_dev.waves.commands import app

app()
