"""Domain errors with stable codes. They know no HTTP:
``middleware.errors.STATUSES`` is the one table that turns them into answers.

Every message is written for the caller of the API: it names the field and what
is wrong with it, and carries no internal text.
"""


class FreezerError(Exception):
    """The base of every error that the service raises on purpose; the message
    is for the caller.

    ``code`` is one of :data:`error_codes.MEANINGS`: that of the class, or a
    more exact one that is given.
    """

    code = 'internal'

    def __init__(self, message: str, code: str | None = None):
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InvalidInput(FreezerError):
    """A value that the caller sent is invalid; the message names its place
    and the defect.
    """

    code = 'request.invalid'


class UnknownAction(FreezerError):
    """The caller asks a session for an action that it doesn't have."""

    code = 'session.unknown-action'


class MalformedBody(FreezerError):
    """The body isn't JSON at all."""

    # Apart from InvalidInput: the API has a status of its own for it.
    code = 'request.malformed'


class BodyTooLarge(FreezerError):
    """The body is larger than the operator allows."""

    code = 'request.too-large'


class Unauthorized(FreezerError):
    """The request has no valid token."""

    code = 'identity.unauthorized'


class Forbidden(FreezerError):
    """The caller is known, and is not allowed to do this."""

    code = 'policy.forbidden'


class NotFound(FreezerError):
    """The caller's scope has no such document. One of another project looks
    the same, so that nobody learns which ids others have.
    """

    def __init__(self, kind: str, id: str):
        # Kinds are named in the plural, as paths are.
        resource = kind.removesuffix('s')
        super().__init__(
            f'{resource.capitalize()} {id} could not be found.',
            f'{resource}.not-found',
        )


class Conflict(FreezerError):
    """The request contradicts what is stored."""

    code = 'document.conflict'


class PreconditionFailed(FreezerError):
    """``If-Match`` or ``If-None-Match`` doesn't hold for the stored
    document.
    """

    code = 'document.precondition-failed'


class Unprocessable(FreezerError):
    """The request is well-formed, but refers to something that doesn't exist
    or isn't able to do it.
    """

    code = 'document.conflict'


class Unavailable(FreezerError):
    """Another service that is needed for an answer doesn't respond in time.
    The request may be repeated after ``retry_after`` seconds.

    The cause (``raise … from error``) is logged, and not told the caller.
    """

    code = 'storage.unavailable'

    def __init__(self, message: str, retry_after: int = 5):
        super().__init__(message)
        self.retry_after = retry_after


class StorageUnavailable(Unavailable):
    """The storage doesn't respond in time. A write that ends like this has
    been done as a whole, or not at all.
    """

    def __init__(
        self,
        message: str = 'The storage is unavailable. Please try again.',
        retry_after: int = 5,
    ):
        super().__init__(message, retry_after)


class IdentityUnavailable(Unavailable):
    """Keystone doesn't respond in time, or not as expected."""

    code = 'identity.unavailable'


# A StorageUnavailable: requests succeed without a restart once the schema has
# been brought up to date.
class SchemaOutOfDate(StorageUnavailable):
    """The storage responds, but its tables or indices aren't those of this
    release; an operator has to act.
    """

    code = 'storage.schema-out-of-date'
