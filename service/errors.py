"""Errors of the service; `service.api.status` turns each into a `google.rpc.Status`."""

from __future__ import annotations

from models.errors import VedetteError


class NotFoundError(VedetteError):
    """No such thing in this mission."""

    reason = "NOT_FOUND"


class AlreadyExistsError(VedetteError):
    """A thing of that name exists and differs."""

    reason = "ALREADY_EXISTS"


class StaleRevisionError(VedetteError):
    """Somebody changed it since it was read; read it again and decide anew."""

    reason = "STALE_REVISION"


class SecondPersonError(VedetteError):
    """Another person has to do this: the same one did the first half of it."""

    reason = "SECOND_PERSON_NEEDED"


class PermissionDeniedError(VedetteError):
    """The credential's role does not allow this."""

    reason = "PERMISSION_DENIED"


class LimitExceededError(VedetteError):
    """A limit of this installation is reached."""

    reason = "LIMIT_EXCEEDED"


class ChecksumMismatchError(VedetteError):
    """The bytes received are not the bytes announced."""

    reason = "CHECKSUM_MISMATCH"


class LeaseLostError(VedetteError):
    """Another worker has the job now; nothing was written."""

    reason = "LEASE_LOST"


class UnavailableError(VedetteError):
    """A part that is needed does not answer now; try again."""

    reason = "UNAVAILABLE"


class UnauthenticatedError(VedetteError):
    """The call carries no valid token."""

    reason = "UNAUTHENTICATED"


class StartupError(VedetteError):
    """The service cannot start; the message says what to do."""

    reason = "STARTUP_FAILED"
