"""Scenarios that come with the load test: `python -m loadtest --scenario NAME --game GAME`."""
