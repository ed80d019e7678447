"""Lumbung channel-sync service."""
