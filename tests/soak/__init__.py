"""Faults brought upon archives on purpose, and what was lost by them: `python -m tests.soak` prints the table."""
