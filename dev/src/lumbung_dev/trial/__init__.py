"""What tests that cross services have in common."""
