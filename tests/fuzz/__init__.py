"""Any bytes, from anybody: they are decoded or refused as documented, never anything else.

`targets` say what is fed and what may come of it, `corpus/` holds what is mutated (one input a line, in hexadecimal),
`mutate` is the seeded mutator, `guided` the same targets under atheris, which looks for inputs that reach new branches
and adds them to the corpus. `python -m tests.fuzz --help` runs them; `test_fuzz` is the short form.
"""
