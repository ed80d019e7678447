"""Lumbung fulfillment service."""
