"""The description of the API in OpenAPI 3.1, made from the routes: of what
their endpoints declare by :func:`.base.expose`.

A schema with a title is described once, under ``components``.
"""

import collections.abc
import functools
import hashlib
import inspect
import re
import typing

import orjson

from freezer_api import version
from freezer_api.controllers import base, types
from freezer_api.controllers import openapi_parts as parts
from freezer_api.schemas import parameters

Node = dict[str, typing.Any]
#: As :data:`.routes.ROUTES`.
Table = collections.abc.Mapping[
    str, collections.abc.Mapping[str, base.Handler]
]
#: How many documents are kept, each for a prefix of the service's paths.
MAX_PREFIXES = 8
_SENTENCE = re.compile(r'(?<=\.)\s+')
_VARIABLE = re.compile(r'{(\w+)}')


class Made(typing.NamedTuple):
    """The document, and its entity tag without quotes."""

    json: bytes
    etag: str


class Description:
    """The document of a table of routes. It is made when somebody asks for it
    first, and kept.
    """

    def __init__(self, table: Table):
        self._table = table
        self.below = functools.lru_cache(MAX_PREFIXES)(self._make)

    def _make(self, prefix: str) -> Made:
        """Make the document of a service whose paths have a prefix."""
        json = orjson.dumps(document(self._table, prefix))
        return Made(json, hashlib.sha256(json).hexdigest()[:16])


def document(table: Table, prefix: str = '') -> Node:
    """Return the description of a table of routes, below a prefix."""
    schemas = Schemas()
    paths: Node = {}
    ids: set[str] = set()
    for path, handlers in table.items():
        item: Node = {'parameters': [parts.refer('parameters', 'RequestId')]}
        for method, handler in handlers.items():
            operation = _Operation(path, method, handler, schemas)
            described = operation.describe()
            described['operationId'] = _free_id(operation, ids)
            item[method.lower()] = described
        paths[path or '/'] = item
    return {
        'openapi': '3.1.0',
        'info': {**parts.INFO, 'version': version.release()},
        'servers': [{'url': prefix or '/'}],
        'security': [{'Token': []}],
        'paths': paths,
        'components': {
            **schemas.within(parts.COMPONENTS),
            'schemas': schemas.found,
        },
    }


class Schemas:
    """Collects schemas by their titles, in ``found``."""

    def __init__(self) -> None:
        self.found: dict[str, Node] = {}
        self._seen: dict[str, Node] = {}

    def within(self, value: typing.Any) -> typing.Any:
        """Return a part of the document with references in place of the
        schemas that have a title. ``ValueError`` if two have the same one.
        """
        if isinstance(value, list):
            return [self.within(element) for element in value]
        if not isinstance(value, dict):
            return value
        title = value.get('title')
        # An object may have a property of this name.
        if not isinstance(title, str):
            return self._inside(value)
        if title not in self._seen:
            self._seen[title] = value
            self.found[title] = self._inside(value)
        elif self._seen[title] != value:
            raise ValueError(f'{title}: two schemas have this title')
        return parts.refer('schemas', title)

    def _inside(self, node: Node) -> Node:
        return {key: self.within(value) for key, value in node.items()}


class _Operation:
    """What one method of one path does."""

    def __init__(
        self, path: str, method: str, handler: base.Handler, schemas: Schemas
    ):
        self.path = path
        self.method = method
        self.name = handler.__qualname__.replace('.', '_').lower()
        self._endpoint = base.Endpoint(handler)
        self._schemas = schemas
        self._is_public = self._endpoint.rule == base.PUBLIC
        text = ' '.join((inspect.getdoc(handler) or '').split())
        self._sentences = _SENTENCE.split(text.replace('``', '`'))

    def describe(self) -> Node:
        """Return the operation, without its id."""
        summary, *more = self._sentences
        described: Node = {
            'summary': summary.removesuffix('.'),
            'tags': [self.name.partition('_')[0]],
        }
        if 'search' in self._endpoint.parameters:
            more.append(parts.SEARCH)
        if more:
            described['description'] = ' '.join(more)
        described['parameters'] = self._parameters()
        if self._endpoint.body is not None:
            described['requestBody'] = self._request_body(self._endpoint.body)
        described['responses'] = self._responses()
        if self._is_public:
            described['security'] = []
        else:
            described['x-policy-rule'] = self._endpoint.rule
        return described

    def _parameters(self) -> list[Node]:
        declared: list[Node] = []
        names = _VARIABLE.findall(self.path)
        # The project comes first, and endpoints don't declare it.
        kinds = [types.ID, *self._endpoint.parts]
        for name, kind in zip(names, kinds, strict=False):
            described = parts.parameter('path', name, kind.schema)
            declared.append({**described, 'required': True})
        query = self._endpoint.query
        if query is not None:
            for name, schema in query.schemas.items():
                declared.append(self._query_parameter(name, schema))
        for name in self._preconditions():
            declared.append(parts.refer('parameters', name))
        return declared

    def _query_parameter(self, name: str, schema: Node) -> Node:
        if schema is not parameters.SEARCH:
            return parts.parameter('query', name, schema)
        return {
            'name': name,
            'in': 'query',
            'description': 'The search, in JSON.',
            'content': self._content(schema),
        }

    def _preconditions(self) -> tuple[str, ...]:
        """The headers of conditional requests that the operation heeds."""
        if self.method != 'GET':
            return ('IfMatch', 'IfNoneMatch')
        if self._has_entity_tag():
            return ('IfNoneMatch',)
        return ()

    def _has_entity_tag(self) -> bool:
        result = self._endpoint.result
        return result is not None and 'ETag' in result.headers

    def _request_body(self, body: types.Object) -> Node:
        return {
            'required': not isinstance(body, types.OptionalObject),
            'content': self._content(body.schema),
        }

    def _responses(self) -> Node:
        endpoint = self._endpoint
        found = {
            str(endpoint.code): self._answer(endpoint.code, endpoint.result)
        }
        for code, result in endpoint.also.items():
            found[str(code)] = self._answer(code, result)
        if self.method == 'GET' and self._has_entity_tag():
            found['304'] = parts.refer('responses', 'NotModified')
        if not self._is_public:
            found['401'] = parts.refer('responses', 'Unauthorized')
        found['default'] = parts.refer('responses', 'Error')
        if endpoint.body is not None or 'search' in endpoint.parameters:
            # No status of HTTP, so it can't stand among them.
            found['x-status-753'] = parts.refer('responses', 'MalformedBody')
        return found

    def _answer(self, code: int, result: types.Object | None) -> Node:
        """What comes with a status of success."""
        names = ['RequestId']
        answer: Node = {'description': base.STATUSES[code][4:]}
        if result is not None:
            names += result.headers
            answer['content'] = self._content(result.schema)
        answer['headers'] = parts.headers(*names)
        return answer

    def _content(self, schema: Node) -> Node:
        offers = self._endpoint.offers
        is_result = self._endpoint.result is not None
        kind = offers[0] if is_result else base.JSON[0]
        return {kind: {'schema': self._schemas.within(schema)}}


def _free_id(operation: _Operation, taken: set[str]) -> str:
    """Return an id for an operation that no other has: the same method of a
    controller may be at several paths.
    """
    id = operation.name
    if id in taken:
        id = f'{id}_{operation.path.rpartition("/")[2]}'
    taken.add(id)
    return id
