"""The WSME types by which endpoints declare what they take and what they
return. Each turns what came in the request into what the endpoint gets.
"""

import collections.abc
import dataclasses
import re
import typing

import wsme.types

from freezer_api import exceptions
from freezer_api.controllers import bodies
from freezer_api.domain import documents, session_state
from freezer_api.middleware import errors
from freezer_api.schemas import base


class Object(wsme.types.UserType):
    """A JSON object that a ``schema`` with a title describes; ``headers`` of
    an answer are those that come with it, ``ETag`` or ``Location``.

    The schema is what callers are told. What they send is checked by the
    services: documents are free-form in part, which WSME's own objects can't
    be.
    """

    # WSME wants to know of each type which one of its own it is made of.
    basetype = bytes

    def __init__(self, schema: base.Schema, *headers: str):
        self.schema = schema
        self.headers = headers
        self.name: str = schema['title']

    def frombasetype(self, value: bytes) -> dict[str, typing.Any]:
        """Return the object that a body says; errors as
        :func:`bodies.parse_object` has them.
        """
        return bodies.parse_object(value)


class OptionalObject(Object):
    """A JSON object that may be left out."""

    def frombasetype(self, value: bytes) -> dict[str, typing.Any]:
        """Return the object, an empty one for a body that is empty or
        blank.
        """
        if not value.strip():
            return {}
        return super().frombasetype(value)


class Id(wsme.types.UserType):
    """An id in a path, of a document of any kind or of one kind."""

    basetype = str
    name = 'id'

    def __init__(self, kind: str, schema: base.Schema):
        self._kind = kind
        self.schema = schema

    def frombasetype(self, value: str) -> str:
        """Return the id; ``UnknownPath`` for one that no document can have."""
        # 404 and not 400: nothing is wrong with the request, and nothing is
        # there.
        if not documents.is_id(self._kind, value):
            raise errors.UnknownPath()
        return value


class Tag(wsme.types.UserType):
    """The tag of a run, in a path."""

    basetype = int
    name = 'tag'
    schema = base.integer(0, session_state.MAX_TAG)

    def frombasetype(self, value: str) -> int:
        """Return the tag; ``UnknownPath`` for what is none."""
        tag = tag_or_none(value)
        if tag is None:
            raise errors.UnknownPath()
        return tag


class Parameters(wsme.types.UserType):
    """The parameters of a query, as a dataclass whose fields have their names,
    each declared by :func:`parameter`. A field that isn't given keeps its
    default.
    """

    basetype = dict

    def __init__(self, record: type):
        self._record = record
        self.name = record.__name__
        #: The schema of each parameter, by its name.
        self.schemas: dict[str, base.Schema] = {}
        for field in dataclasses.fields(record):
            self.schemas[field.name] = field.metadata['schema']
        self.names = frozenset(self.schemas)

    def frombasetype(
        self, value: collections.abc.Mapping[str, str]
    ) -> typing.Any:
        """Return the parameters that the endpoint knows. Others are ignored:
        clients and proxies add some of their own.
        """
        known = {}
        for name in value:
            if name in self.names:
                known[name] = value[name]
        return self._record(**known)


ID = Id('', base.ID)
JOB_ID = Id(documents.JOBS, base.JOB_ID)
TAG = Tag()
_TAG_DIGITS = re.compile('[0-9]{1,10}')


def parameter(schema: base.Schema) -> typing.Any:
    """Declare a parameter of a query that a schema describes; None stands for
    one that isn't given.
    """
    return dataclasses.field(default=None, metadata={'schema': schema})


def tag_or_none(text: str) -> int | None:
    """Return the tag that a text says, None if it says none."""
    # The digits are counted first: an int of thousands takes long to make.
    if not _TAG_DIGITS.fullmatch(text):
        return None
    tag = int(text)
    if tag > session_state.MAX_TAG:
        return None
    return tag


def parse_flag(name: str, value: str | None, code: str | None = None) -> bool:
    """Return whether a parameter says True, in any case; False if it isn't
    given.

    ``InvalidInput`` for anything but True and False, with ``code`` if it is
    given.
    """
    if value is None:
        return False
    lowered = value.lower()
    if lowered not in ('true', 'false'):
        raise exceptions.InvalidInput(f'{name}: must be True or False.', code)
    return lowered == 'true'
