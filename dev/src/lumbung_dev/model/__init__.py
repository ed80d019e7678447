"""The flash sale's protocol, searched exhaustively in the small."""
