"""Connectors: one folder per platform with all knowledge of it, behind the contract in `contract.py`."""
