"""The side-by-side benchmark: this server and its peers under one load, in one run, on one machine. See README.md."""
