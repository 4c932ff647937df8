"""The models in the signatures of operations that a send does not use, by their names: `late_types.BatchSmsRequest`.

Rule: a class is imported when its name is looked up, e.g. by `typing.get_type_hints`. Importing all takes as long as
importing httpx.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eightbyeight_async.models.chatapps_batch import BatchChatAppsRequest, BatchChatAppsResponse
    from eightbyeight_async.models.chatapps_details import ChatAppsMessageDetails
    from eightbyeight_async.models.chatapps_message import ChatAppsRequest
    from eightbyeight_async.models.chatapps_response import ChatAppsResponse
    from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportStatus
    from eightbyeight_async.models.message_details import MessageDetails
    from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse

__all__ = [
    "BatchChatAppsRequest",
    "BatchChatAppsResponse",
    "BatchSmsRequest",
    "BatchSmsResponse",
    "ChatAppsMessageDetails",
    "ChatAppsRequest",
    "ChatAppsResponse",
    "LogExportJob",
    "LogExportRequest",
    "LogExportStatus",
    "MessageDetails",
]

_MODULES = {
    "chatapps_batch": ("BatchChatAppsRequest", "BatchChatAppsResponse"),
    "chatapps_details": ("ChatAppsMessageDetails",),
    "chatapps_message": ("ChatAppsRequest",),
    "chatapps_response": ("ChatAppsResponse",),
    "log_export": ("LogExportJob", "LogExportRequest", "LogExportStatus"),
    "message_details": ("MessageDetails",),
    "sms_batch": ("BatchSmsRequest", "BatchSmsResponse"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"eightbyeight_async.models.{_HOME[name]}"), name)
