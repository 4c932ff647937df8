"""The types of public signatures that a single send does not need, by name: `late_types.BatchSmsRequest`.

Rule: a class, or the module httpx, is imported when its name is looked up, e.g. by `typing.get_type_hints`. Importing
all classes takes as long as importing httpx.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx as httpx  # noqa: PLC0414 - exported

    from eightbyeight_async.calls.plain_batch import AllAccepted
    from eightbyeight_async.events import AttemptEvent, WaitEvent
    from eightbyeight_async.fanout import SendEach
    from eightbyeight_async.models.account import AccountBalance, Direction, PriceList
    from eightbyeight_async.models.chatapps_batch import BatchChatAppsRequest, BatchChatAppsResponse
    from eightbyeight_async.models.chatapps_details import ChatAppsMessageDetails
    from eightbyeight_async.models.chatapps_message import ChatAppsRequest
    from eightbyeight_async.models.chatapps_response import ChatAppsResponse
    from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportStatus
    from eightbyeight_async.models.message_details import MessageDetails
    from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse
    from eightbyeight_async.text import TextPolicy

__all__ = [
    "AccountBalance",
    "AllAccepted",
    "AttemptEvent",
    "BatchChatAppsRequest",
    "BatchChatAppsResponse",
    "BatchSmsRequest",
    "BatchSmsResponse",
    "ChatAppsMessageDetails",
    "ChatAppsRequest",
    "ChatAppsResponse",
    "Direction",
    "LogExportJob",
    "LogExportRequest",
    "LogExportStatus",
    "MessageDetails",
    "PriceList",
    "SendEach",
    "TextPolicy",
    "WaitEvent",
    "httpx",
]

_MODULES = {
    "calls.plain_batch": ("AllAccepted",),
    "events": ("AttemptEvent", "WaitEvent"),
    "fanout": ("SendEach",),
    "models.account": ("AccountBalance", "Direction", "PriceList"),
    "models.chatapps_batch": ("BatchChatAppsRequest", "BatchChatAppsResponse"),
    "models.chatapps_details": ("ChatAppsMessageDetails",),
    "models.chatapps_message": ("ChatAppsRequest",),
    "models.chatapps_response": ("ChatAppsResponse",),
    "models.log_export": ("LogExportJob", "LogExportRequest", "LogExportStatus"),
    "models.message_details": ("MessageDetails",),
    "models.sms_batch": ("BatchSmsRequest", "BatchSmsResponse"),
    "text": ("TextPolicy",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name == "httpx":
        return import_module(name)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"eightbyeight_async.{_HOME[name]}"), name)
