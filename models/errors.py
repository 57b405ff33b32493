"""The root of every error that Vedette raises on purpose."""

from __future__ import annotations


class VedetteError(Exception):
    """Something Vedette expected might go wrong; the message is fit for a person to read.

    Attributes:
        reason: a stable upper-case name of what went wrong; the API sends it as ErrorInfo.reason.
        field: the input field at fault, dotted; empty when it is nobody's input.
    """

    reason = "INTERNAL"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class InvalidInputError(VedetteError):
    """An input cannot be accepted as it is."""

    reason = "INVALID_INPUT"


class NotAllowedNowError(VedetteError):
    """What is asked does not follow on the state a thing is in."""

    reason = "NOT_ALLOWED_NOW"


class UnreadableImageError(InvalidInputError):
    """The bytes are not an image that Vedette reads, or are damaged or beyond its limits."""

    reason = "UNREADABLE_IMAGE"


class EngineError(VedetteError):
    """A detection engine failed or did not answer in time."""

    reason = "ENGINE_FAILED"


class EngineGoneError(EngineError):
    """A detection engine hangs or is broken: this process can look at nothing any more."""


class ModelRefusedError(VedetteError):
    """Weights are not what the catalogue pins, or no catalogue entry names them."""

    reason = "MODEL_REFUSED"
