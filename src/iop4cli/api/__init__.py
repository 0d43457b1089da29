"""The commands as a Python API: `from iop4cli import Archive`."""
