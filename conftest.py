"""Shared fixtures for every test of the workspace: real servers, started by the run itself."""

import lumbung_kit.embedded  # noqa: F401 - before gRPC is imported, whose fork handlers it switches off

pytest_plugins = ["lumbung_kit.testing"]
