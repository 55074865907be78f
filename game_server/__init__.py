"""A server for real-time multiplayer games whose rules are written in Python."""

__version__ = "0.1.0"
