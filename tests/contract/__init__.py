"""Every promise to existing Jupyter clients, kept as data, and the judge of it."""
