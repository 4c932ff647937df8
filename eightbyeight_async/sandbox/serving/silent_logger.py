"""The logger handed to aiohttp: it says nothing, because requests carry keys, numbers and texts."""

import logging

QUIET = logging.Logger("eightbyeight_async.sandbox.serving.silent_logger")  # noqa: LOG001 - outside the tree on purpose
QUIET.addHandler(logging.NullHandler())
