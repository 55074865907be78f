"""Rigs that run the real server for minutes against clients that misbehave; see `__main__`."""
