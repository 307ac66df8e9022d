"""The command line: `mixture-explorer`, or `python -m gmm_core`."""
