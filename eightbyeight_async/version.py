"""The one place of the version: the build reads it, the User-Agent header carries it."""

__version__ = "0.1.0"
