"""Converts models to JSON and back, for users: e.g. a request in a queue, or a response in a database.

    stored = json.dumps(to_dict(request))
    request = from_dict(SmsRequest, json.loads(stored))

Rules:
- The names are the API's (`clientMessageId`), and a field that is None is left out.
- `from_dict(type(model), to_dict(model)) == model`, except for `results` of a batch's response, which repeat the
  batch's request.
- `from_dict` refuses a field that it does not know or cannot read. It never treats such a field as missing.
"""

from __future__ import annotations

from typing import Any, TypeVar

from eightbyeight_async import wire
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.models.json_model import JsonModel

__all__ = ["from_dict", "to_dict"]

Model = TypeVar("Model", bound=JsonModel)


@private_call
def to_dict(model: JsonModel) -> dict[str, Any]:
    """A model as dicts, lists, strings, numbers and booleans, ready for `json.dumps`.

    The dict contains the full phone numbers and texts. Times are ISO 8601, prices strings of digits.

    Raises:
        InvalidRequestError: `model` is not a model of this package.
    """
    if not isinstance(model, JsonModel):
        raise InvalidRequestError("model", f"must be a model of this package, not {type(model).__name__}")
    written: dict[str, Any] = wire.write_own(model)
    return written


@private_call
def from_dict(cls: type[Model], data: object) -> Model:
    """Returns a model of class `cls` from a dict of `to_dict`, or from a dict with the same names.

    Raises:
        InvalidRequestError: a field is missing, unknown, of another type or breaks its rule. `field` is its JSON path,
            e.g. `messages[3].text`; the value is not shown.
    """
    kind: object = cls
    if not isinstance(kind, type) or not issubclass(kind, JsonModel):
        raise InvalidRequestError("cls", "must be a class of this package's models, e.g. SmsRequest")
    return wire.read_own(data, cls)
