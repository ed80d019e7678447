"""From results to a page and a picture that people read."""
