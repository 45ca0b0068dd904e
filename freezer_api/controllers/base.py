"""What all endpoints share: how they are declared, called and answered."""

import collections.abc
import dataclasses
import functools
import typing

import orjson
import webob.acceptparse
import wsme
import wsme.types

from freezer_api import permits
from freezer_api.controllers import calls, lists, types
from freezer_api.db import base
from freezer_api.domain import search
from freezer_api.domain.documents import Body
from freezer_api.middleware import errors, responses
from freezer_api.services import common

#: In place of a rule: the endpoint answers everybody, and answers all alike.
PUBLIC = 'public'
JSON = ('application/json',)
#: The statuses of success.
STATUSES = {
    200: '200 OK',
    201: '201 Created',
    202: '202 Accepted',
    204: '204 No Content',
    300: '300 Multiple Choices',
}


@dataclasses.dataclass(slots=True)
class Answer:
    """What an endpoint answers: a JSON body, and the bare entity tag of the
    document.

    ``code`` is the status where it isn't the usual one, ``location`` the path
    of what was created.
    """

    body: typing.Any = None
    etag: str | None = None
    code: int | None = None
    location: str | None = None


#: A method of a controller that answers a request.
Handler = collections.abc.Callable[..., Answer]
Function = typing.TypeVar('Function', bound=Handler)
#: What types of arguments do, see :mod:`.types`.
ConvertBody = collections.abc.Callable[[bytes], Body]
ConvertQuery = collections.abc.Callable[
    [collections.abc.Mapping[str, str]], typing.Any
]


def expose(
    rule: str,
    result: types.Object | None,
    *path: wsme.types.UserType,
    query: types.Parameters | None = None,
    body: types.Object | None = None,
    status: int = 200,
    offers: tuple[str, ...] = JSON,
    also: collections.abc.Mapping[int, types.Object] | None = None,
) -> collections.abc.Callable[[Function], Function]:
    """Declare an endpoint: the policy rule that guards it, and its signature
    in WSME's terms.

    ``result`` is None for answers without content. The method gets the
    request, the parts of the path behind the project (``path``), the
    parameters of the query and the body, each as its type converts it and only
    where a type is given.

    ``status`` is what success answers, as the first of the types in
    ``offers``. ``also`` are further statuses that an answer may name, with
    what is answered then.

    All of it is told in the description of the API (:mod:`.openapi`).
    """
    signature = _signature(
        result,
        path,
        query,
        body,
        status,
    )

    def decorate(method: typing.Any) -> typing.Any:
        signature(method)
        method.rule = rule
        method.offers = offers
        method.also = also or {}
        return method

    return decorate


def _signature(
    result: types.Object | None,
    path: tuple[wsme.types.UserType, ...],
    query: types.Parameters | None,
    body: types.Object | None,
    status: int,
) -> typing.Any:
    """Return the decorator by which WSME notes a signature at a method."""
    arguments: list[wsme.types.UserType] = [*path]
    if query is not None:
        arguments.append(query)
    options: dict[str, typing.Any] = {'status_code': status}
    if body is not None:
        options['body'] = body
    return wsme.signature(
        result,
        wsme.types.HostRequest,
        *arguments,
        **options,
    )


class Endpoint:
    """An exposed method of a controller, ready to be called."""

    def __init__(
        self, method: typing.Any, kind: permits.Kind = permits.Kind.OTHER
    ):
        definition = method._wsme_definition
        self.method = method
        #: What its requests do, where they have to wait.
        self.kind = kind
        self.rule: str | None = getattr(method, 'rule', None)
        self.offers: tuple[str, ...] = getattr(method, 'offers', JSON)
        self.code: int = definition.status_code
        self.status = STATUSES[self.code]
        #: What is answered with success, None without content; and what with
        #: further statuses.
        self.result: types.Object | None = definition.return_type
        self.also: collections.abc.Mapping[int, types.Object] = getattr(
            method, 'also', {}
        )
        self.codes = frozenset((self.code, *self.also))
        self.has_content = self.result is not None
        self._read_arguments(definition)

    def _read_arguments(self, definition: typing.Any) -> None:
        """Take what converts each argument from what WSME knows of it."""
        declared = [argument.datatype for argument in definition.arguments]
        self.body: types.Object | None = definition.body_type
        self.convert_body: ConvertBody | None = None
        if self.body is not None:
            declared.pop()
            self.convert_body = self.body.frombasetype
        self.query: types.Parameters | None = None
        self.convert_query: ConvertQuery | None = None
        self.parameters: frozenset[str] = frozenset()
        self.is_search = False
        if declared and isinstance(declared[-1], types.Parameters):
            self.query = declared.pop()
            self.convert_query = self.query.frombasetype
            self.parameters = self.query.names
            # The body may have it, too.
            self.is_search = 'search' in self.parameters
        #: The types of the parts of the path behind the project.
        self.parts: list[typing.Any] = declared
        self.converters = [datatype.frombasetype for datatype in declared]

    def __call__(
        self, call: calls.Call, parts: collections.abc.Sequence[str]
    ) -> responses.Response:
        """Enforce policy, convert the arguments, call the method and answer.

        What policy wasn't asked about is not called.
        """
        # A path that no document can have is unknown to everybody, so it is
        # looked at before policy is.
        arguments = [
            convert(part)
            for convert, part in zip(self.converters, parts, strict=True)
        ]
        rule = self.rule
        if rule is not None and rule != PUBLIC:
            call.context.can(rule)
        # Before the body: a write isn't done for a caller who can't be
        # answered.
        if not accepts(call.environ.get('HTTP_ACCEPT'), self.offers):
            raise errors.NotAcceptable()
        # Read also where there are no parameters: a query string that isn't
        # text is refused everywhere.
        query = calls.query_parameters(call.environ.get('QUERY_STRING', ''))
        if self.convert_query is not None:
            arguments.append(self.convert_query(query))
        if self.convert_body is not None:
            arguments.append(self.convert_body(call.raw_body()))
        # A handler may be declared by WSME alone, without a rule.
        if rule != PUBLIC and not call.context.enforced:
            raise RuntimeError(
                f'{self.method!r} would have been reached unenforced'
            )
        return self._respond(call, self._answer(call, arguments))

    def _answer(self, call: calls.Call, arguments: list[typing.Any]) -> Answer:
        """Call the method, with a permit if the process has some."""
        if call.permits is None:
            return typing.cast(Answer, self.method(call, *arguments))
        if self.is_search:
            # A client that sends slowly holds no permit meanwhile.
            call.receive()
        with call.permits.permit(self.kind):
            return typing.cast(Answer, self.method(call, *arguments))

    def _respond(self, call: calls.Call, answer: Answer) -> responses.Response:
        headers = []
        if answer.etag is not None:
            headers.append(('ETag', f'"{answer.etag}"'))
        if answer.location is not None:
            headers.append(('Location', answer.location))
        status = self.status
        if answer.code is not None:
            status = STATUSES[answer.code]
        if not self.has_content:
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
        """Return who reads, with the rights that change what is shown."""
        return call.caller

    def page(
        self,
        call: calls.Call,
        list_page: collections.abc.Callable[..., common.ShownPage],
        query: lists.ListQuery,
    ) -> Answer:
        """Return a page of a list; ``list_page`` is the service's function
        that finds it.
        """
        conditions = call.search(query.search)
        page = query.page(self.max_limit)
        kind = f'{self.name}s'
        found = list_page(
            self.storage,
            self.caller(call),
            search.parse(conditions, kind, **page),
        )
        if found.next_marker is None:
            return listed(kind, found.contents)
        repeated = None
        if conditions:
            # The next page is asked for by the link alone, so a search in the
            # body becomes a parameter.
            shortened = search.without_repeats(conditions)
            repeated = orjson.dumps(shortened).decode()
        link = call.link(
            limit=page['limit'],
            marker=found.next_marker,
            sort=query.sort,
            search=repeated,
            marker_project=found.next_project,
            **query.kept(),
        )
        return listed(kind, found.contents, link)

    def written(self, written: common.Written) -> Answer:
        """Return the id of a document that was changed, and its version."""
        body = {f'{self.name}_id': written.id, 'version': written.version}
        return Answer(body, written.etag)

    def created(self, written: common.Written) -> Answer:
        """Return the id of a new document."""
        return Answer({f'{self.name}_id': written.id}, written.etag)


def shown(document: common.Shown) -> Answer:
    """Return a document."""
    return Answer(document.content, document.etag)


def listed(
    name: str,
    items: collections.abc.Sequence[common.Content],
    next_link: str | None = None,
) -> Answer:
    """Return a page, with the link to the next one if there is one."""
    body: dict[str, typing.Any] = {name: items}
    if not isinstance(items, list):
        # One after the other: the objects that JSON stands for can take thirty
        # times its bytes.
        body[name] = [orjson.Fragment(orjson.dumps(item)) for item in items]
    if next_link is not None:
        body[f'{name}_links'] = [{'rel': 'next', 'href': next_link}]
    return Answer(body)


@functools.lru_cache(256)
def accepts(accept: str | None, offers: tuple[str, ...]) -> bool:
    """Return whether an ``Accept`` header (None: none) lets one of the types
    be answered. One that can't be parsed is ignored.
    """
    if not accept:
        return True
    header = webob.acceptparse.create_accept_header(accept)
    return bool(header.acceptable_offers(offers))
