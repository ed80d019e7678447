"""How fast reservations are, beside what else one could have built."""
