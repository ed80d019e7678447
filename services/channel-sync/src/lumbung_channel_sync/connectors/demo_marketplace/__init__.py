"""The small marketplace of the demo: absolute figures with versions, batches, per-row outcomes, signed webhooks."""
