"""Domain errors with stable codes. They know no HTTP: ``middleware.ERRORS`` is
the one table that turns them into answers.

Every message is written for the caller of the API: it names the field and what
is wrong with it, and carries no internal text.
"""


class FreezerError(Exception):
    """The root of what the service raises on purpose; the message is for the
    caller.

    ``code`` is one of :data:`error_codes.MEANINGS`: the class's own, or a more
    exact one that the raiser gives.
    """

    code = 'internal'

    def __init__(self, message: str, code: str | None = None):
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InvalidInput(FreezerError):
    """A value that the caller sent can't be used; the message names its place
    and the defect.
    """

    code = 'request.invalid'


class UnknownAction(FreezerError):
    """The caller asks a session for an action that there isn't."""

    code = 'session.unknown-action'


class MalformedBody(FreezerError):
    """The body isn't JSON at all."""

    code = 'request.malformed'


class BodyTooLarge(FreezerError):
    """The body is larger than the operator allows."""

    code = 'request.too-large'


class Unauthorized(FreezerError):
    """Nobody is known to be calling."""

    code = 'identity.unauthorized'


class Forbidden(FreezerError):
    """The caller is known and may not do this."""

    code = 'policy.forbidden'


class NotFound(FreezerError):
    """There is no such document in the caller's scope; a foreign one looks the
    same.
    """

    def __init__(self, kind: str, id: str):
        resource = kind.removesuffix('s')
        super().__init__(
            f'{resource.capitalize()} {id} could not be found.',
            f'{resource}.not-found',
        )


class Conflict(FreezerError):
    """What the caller asks for contradicts what is stored."""

    code = 'document.conflict'


class PreconditionFailed(FreezerError):
    """``If-Match`` or ``If-None-Match`` doesn't hold for the stored
    document.
    """

    code = 'document.precondition-failed'


class Unprocessable(FreezerError):
    """Well-formed, but it refers to something that doesn't exist or can't do
    it.
    """

    code = 'document.conflict'


class Unavailable(FreezerError):
    """What is needed for an answer can't be reached in time. It may be worth
    trying again after ``retry_after`` seconds.
    """

    code = 'storage.unavailable'

    def __init__(self, message: str, retry_after: int = 5):
        super().__init__(message)
        self.retry_after = retry_after


class StorageUnavailable(Unavailable):
    """The store can't be reached in time. A write that ends so may have
    happened, as a whole, or not at all.
    """

    def __init__(
        self,
        message: str = 'The storage is unavailable. Please try again.',
        retry_after: int = 5,
    ):
        super().__init__(message, retry_after)


class IdentityUnavailable(Unavailable):
    """Keystone can't be reached in time, or doesn't answer as it should."""

    code = 'identity.unavailable'


class SchemaOutOfDate(StorageUnavailable):
    """The store is reachable, but its tables or indices aren't those of this
    release; an operator must act.
    """

    code = 'storage.schema-out-of-date'
