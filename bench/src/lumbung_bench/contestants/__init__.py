"""The servers that are compared: each one process, each asked over the same contract."""
