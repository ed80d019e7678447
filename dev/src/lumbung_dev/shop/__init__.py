"""Toko Lumbung Jaya, the shop of the demo: its goods, its warehouse, where it sells. The same each time."""
