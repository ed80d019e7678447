"""Shared fixtures for every test of the workspace: real servers, started by the run itself."""

import signal

import lumbung_kit.embedded  # noqa: F401 - before gRPC is imported, whose fork handlers it switches off

pytest_plugins = ["lumbung_kit.testing"]

# A run that a shell put into the background ignores Ctrl-C, and so would the programs that tests press it for.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
