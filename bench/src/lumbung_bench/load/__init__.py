"""An open-loop load generator over raw HTTP/2 that takes a small part of what the server takes."""
