"""Lumbung dev."""
