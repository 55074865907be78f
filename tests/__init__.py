"""The tests. A package, so that helpers are imported as `tests.…` whatever else calls itself `tests` on the path."""
