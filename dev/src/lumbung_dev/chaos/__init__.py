"""Faults on purpose, a record of what clients were told, and a checker that believes nothing else."""
