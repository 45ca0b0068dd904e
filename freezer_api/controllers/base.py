"""What all endpoints share: how they are declared, called and answered."""

import collections.abc
import dataclasses
import functools
import typing

import orjson
import webob.acceptparse
import wsme
import wsme.types

from freezer_api.controllers import calls
from freezer_api.db import base
from freezer_api.domain import search
from freezer_api.domain.documents import Body
from freezer_api.middleware import errors, responses
from freezer_api.services import common

#: In place of a rule: the endpoint tells everybody the same.
PUBLIC = 'public'
JSON = ('application/json',)
_STATUS = {
    200: '200 OK',
    201: '201 Created',
    202: '202 Accepted',
    204: '204 No Content',
    300: '300 Multiple Choices',
}


@dataclasses.dataclass(slots=True)
class Answer:
    """What an endpoint answers: a JSON body (None: no content), and the bare
    entity tag of the document.

    ``code`` is the status where it isn't the usual one, ``location`` the path
    of what was made.
    """

    body: typing.Any = None
    etag: str | None = None
    code: int | None = None
    location: str | None = None


def expose(
    rule: str,
    result: typing.Any,
    *arguments: typing.Any,
    body: typing.Any = None,
    status: int = 200,
    offers: tuple[str, ...] = JSON,
    also: tuple[int, ...] = (),
) -> collections.abc.Callable[[typing.Any], typing.Any]:
    """Declare an endpoint: the policy rule that guards it, and its signature
    in WSME's terms.

    ``arguments`` are the types of the path's parts behind the project, and of
    the query's parameters, which have defaults; ``body`` is the type of a body
    that is needed; ``status`` is what success answers, as the first of the
    types in ``offers``, all of which may be asked for. ``also`` are further
    statuses that an answer may name.
    """
    options = (
        {'status_code': status}
        if body is None
        else {'status_code': status, 'body': body}
    )
    signature = wsme.signature(
        result, wsme.types.HostRequest, *arguments, **options
    )

    def decorate(method: typing.Any) -> typing.Any:
        signature(method)
        method.rule, method.offers, method.also = rule, offers, also
        return method

    return decorate


class Endpoint:
    """An exposed method of a controller, ready to be called."""

    def __init__(self, method: typing.Any):
        definition = method._wsme_definition
        self.method = method
        self.rule: str | None = getattr(method, 'rule', None)
        self.offers: tuple[str, ...] = getattr(method, 'offers', JSON)
        self.status = _STATUS[definition.status_code]
        self.codes = frozenset(
            (definition.status_code, *getattr(method, 'also', ()))
        )
        self.has_body = definition.body_type is not None
        parts = (
            definition.arguments[:-1]
            if self.has_body
            else definition.arguments
        )
        self.converters = [
            part.datatype.frombasetype for part in parts if part.mandatory
        ]
        self.parameters = frozenset(
            part.name for part in parts if not part.mandatory
        )

    def __call__(
        self, call: calls.Call, parts: collections.abc.Sequence[str]
    ) -> responses.Response:
        """Enforce, parse, call, answer. What policy wasn't asked about is not
        called.
        """
        arguments = [
            convert(part)
            for convert, part in zip(self.converters, parts, strict=True)
        ]
        if self.rule is not None and self.rule != PUBLIC:
            call.context.can(self.rule)
        if not accepts(call.environ.get('HTTP_ACCEPT'), self.offers):
            raise errors.NotAcceptable()
        query = calls.query_parameters(call.environ.get('QUERY_STRING', ''))
        named: dict[str, typing.Any] = {
            name: value
            for name, value in query.items()
            if name in self.parameters
        }
        if self.has_body:
            named['body'] = call.body()
        if self.rule != PUBLIC and not call.context.enforced:
            raise RuntimeError(
                f'{self.method!r} would have been reached unenforced'
            )
        return self._respond(call, self.method(call, *arguments, **named))

    def _respond(self, call: calls.Call, answer: Answer) -> responses.Response:
        headers = [] if answer.etag is None else [('ETag', f'"{answer.etag}"')]
        if answer.location is not None:
            headers.append(('Location', answer.location))
        status = self.status if answer.code is None else _STATUS[answer.code]
        if answer.body is None:
            return responses.Response(status, headers)
        if answer.etag is not None and call.is_known(answer.etag):
            return responses.Response('304 Not Modified', headers)
        return responses.Response.of_json(
            status, answer.body, headers, self.offers[0]
        )


class Resource:
    """A controller of the documents of one kind; ``name`` is theirs in the
    singular.
    """

    name: typing.ClassVar[str]

    def __init__(self, storage: base.Storage, max_limit: int):
        self.storage = storage
        self.max_limit = max_limit

    def caller(self, call: calls.Call) -> common.Caller:
        """Who reads, with the rights that change what is shown."""
        return call.caller

    def page(
        self,
        call: calls.Call,
        list_page: typing.Any,
        sought: str | None,
        others: collections.abc.Mapping[str, str | None] | None = None,
        **asked: str | None,
    ) -> Answer:
        """A page of a list, by its parameters as the caller gave them;
        ``sought`` is the one for the search.

        ``others`` have been understood already, and go along in the link to
        the next page.
        """
        wanted = call.search(sought)
        page = search.parse_page(most=self.max_limit, **asked)
        kind = f'{self.name}s'
        found = list_page(
            self.storage, self.caller(call), search.parse(wanted, kind, **page)
        )
        again = None
        if wanted and found.next_marker is not None:
            again = orjson.dumps(search.without_repeats(wanted)).decode()
        return listed(
            call,
            kind,
            found.items,
            found.next_marker,
            page['limit'],
            sort=asked['sort'],
            search=again,
            marker_project=found.next_project,
            **(others or {}),
        )

    def written(self, written: common.Written) -> Answer:
        """The id of a document that was changed, and its version."""
        return Answer(
            {f'{self.name}_id': written.id, 'version': written.version},
            written.etag,
        )

    def created(self, written: common.Written) -> Answer:
        """The id of a new document."""
        return Answer({f'{self.name}_id': written.id}, written.etag)


def shown(document: common.Shown) -> Answer:
    """A document."""
    return Answer(document.body, document.etag)


def listed(
    call: calls.Call,
    name: str,
    items: collections.abc.Sequence[Body],
    marker: typing.Any,
    limit: int,
    **others: typing.Any,
) -> Answer:
    """A page, with a link to the next one where ``marker`` says that there is
    one.
    """
    body: dict[str, typing.Any] = {name: items}
    if not isinstance(items, list):
        # One after the other: the objects that JSON stands for can take thirty
        # times its bytes.
        body[name] = [orjson.Fragment(orjson.dumps(item)) for item in items]
    if marker is not None:
        body[f'{name}_links'] = [
            {
                'rel': 'next',
                'href': call.link(limit=limit, marker=marker, **others),
            }
        ]
    return Answer(body)


@functools.lru_cache(256)
def accepts(accept: str | None, offers: tuple[str, ...]) -> bool:
    """Whether an ``Accept`` header (None: none) lets one of the types be
    answered. One that isn't understood says nothing.
    """
    return not accept or bool(
        webob.acceptparse.create_accept_header(accept).acceptable_offers(
            offers
        )
    )
