"""Drawings of what the store holds: pure functions of rows, for files and for terminals."""
