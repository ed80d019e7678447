"""Lumbung catalog service."""
