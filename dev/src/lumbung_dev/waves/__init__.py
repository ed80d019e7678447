"""Waves from files: plan them, judge them, draw them; and instances to try a planner on."""
