"""Lumbung kit."""
