"""The whole server under a virtual clock, with bots, a faulty network and one seed that decides everything.

Real: hub, ticker, players, connections with their frame parser, lobby, rooms, sessions, codecs, games. Simulated: the
event loop's clock, sockets and the network behind them, the clients' machines. `python -m tests.sim --seed N` runs a
seed again; docs/why.md says what is found this way.

Files in reading order: clockwork, network, games, client, hostile, server, faults, checks/, scenario, run, mutants.
"""
