"""Shared fixtures for every test of the workspace: real servers, started by the run itself."""

pytest_plugins = ["lumbung_kit.testing"]
