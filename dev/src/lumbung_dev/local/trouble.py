"""What stops a local run, said in a sentence for the person who started it."""


class Trouble(Exception):  # noqa: N818 - said to a person, not caught by programs
    """The run cannot go on; the message says why and what to do."""
