"""Count sheets on paper and in spreadsheets, and what came back on them."""
