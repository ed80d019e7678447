"""Lumbung stock service."""
