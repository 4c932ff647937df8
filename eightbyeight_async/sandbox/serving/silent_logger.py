"""The logger for aiohttp: it writes nothing, because requests contain keys, numbers and texts."""

import logging

QUIET = logging.Logger("eightbyeight_async.sandbox.serving.silent_logger")  # noqa: LOG001 - not in the logger tree
QUIET.addHandler(logging.NullHandler())
