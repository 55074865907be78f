"""Leaves out what needs atheris where that is not installed: it has wheels for few platforms, and `make test` none."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("atheris") else ["test_guided.py"]
