"""Any bytes, from anybody: they are decoded or refused as documented, never anything else.

`targets` and `values` say what is fed and what may come of it, `games` what fuzzed rooms play; `corpus/` holds what is
mutated (one input a line, in hexadecimal), `mutate` is the seeded mutator, `coverage_report` counts the branches that
are reached, `guided` runs the same targets under atheris, which looks for inputs that reach others, and adds them to
the corpus. `python -m tests.fuzz --help` runs them; `test_fuzz` is the short form.
"""
