"""Observe: what runs, what it costs, and what it says."""
