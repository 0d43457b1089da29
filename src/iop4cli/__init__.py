"""From raw CCD frames to publishable photometry and polarimetry."""

__version__ = "0.1.0"
