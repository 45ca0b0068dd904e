"""Holds answers against the description of the API: each must be one that is described there."""

import functools
import typing

import fastjsonschema
import orjson

from freezer_api.controllers import openapi, routes, routing
from freezer_api.middleware import errors

Node = dict[str, typing.Any]
_JSON = ('application/json', 'application/json-home')
#: What the health checks answer isn't of the API.
_OTHERS = ('/healthcheck', '/healthcheck/ready')
#: A status that OpenAPI has no place for, and where it is described.
_EXTENSIONS = {'753': 'x-status-753'}


class Undescribed(AssertionError):
    """An answer isn't as the description says."""


@functools.cache
def document() -> Node:
    """The description of the API."""
    return openapi.document(routes.ROUTES)


def check(environ: Node, status: str, headers: typing.Any, raw: bytes) -> None:
    """Raise :class:`Undescribed` unless an answer is one that the description has for its request.

    ``headers`` are looked up in any case.
    """
    path = environ.get('PATH_INFO', '')
    method = environ['REQUEST_METHOD']
    if path.removesuffix('/') in _OTHERS or method == 'OPTIONS':
        return
    code = status[:3]
    responses = _responses(path, 'GET' if method == 'HEAD' else method)
    response = responses.get(_EXTENSIONS.get(code, code))
    if response is None and int(code) >= 400:
        response = responses['default']
    where = f'{method} {path}: {status}'
    if response is None:
        raise Undescribed(f'{where}: the status is not described')
    response = _resolved(response)
    _check_headers(where, response, headers, int(code))
    if 'content' not in response:
        if raw:
            raise Undescribed(f'{where}: has a body: {raw[:200]!r}')
    elif method != 'HEAD':
        _check_body(where, response['content'], headers, raw)


def _responses(path: str, method: str) -> Node:
    """The answers to a request; where there is no such operation, any error."""
    route = _route(path)
    operation = document()['paths'].get(route, {}).get(method.lower())
    if operation is not None:
        return operation['responses']
    components = document()['components']['responses']
    return {'401': components['Unauthorized'], 'default': components['Error']}


@functools.cache
def _router() -> routing.Router:
    return routing.Router(routes.ROUTES)


def _route(path: str) -> str | None:
    try:
        route, _parts = _router().find(path.removesuffix('/'))
    except errors.UnknownPath:
        return None
    return route.pattern or '/'


def _resolved(node: Node) -> Node:
    """What a reference refers to, or what is none."""
    if '$ref' not in node:
        return node
    found = document()
    for key in node['$ref'].split('/')[1:]:
        found = found[key]
    return found


def _check_headers(where: str, response: Node, headers: typing.Any, code: int) -> None:
    described = {name.lower() for name in response['headers']}
    for name in ('etag', 'location'):
        if (name in headers) != (name in described) and not (name == 'etag' and code >= 400):
            raise Undescribed(f'{where}: {name} is in one of answer and description')


def _check_body(where: str, content: Node, headers: typing.Any, raw: bytes) -> None:
    kind = headers.get('Content-Type', '').partition(';')[0]
    if kind not in content:
        raise Undescribed(f'{where}: is of the type {kind}')
    schema = content[kind]['schema']
    try:
        _validator(orjson.dumps(schema))(orjson.loads(raw))
    except (fastjsonschema.JsonSchemaValueException, orjson.JSONDecodeError) as error:
        raise Undescribed(f'{where}: {error}: {raw[:1000]!r}') from None


@functools.cache
def _validator(schema: bytes) -> typing.Callable[[typing.Any], typing.Any]:
    """The check of a body. In the description an answer may have keys that it doesn't name, for
    later releases; here it must not.
    """
    whole = {'allOf': [orjson.loads(schema)], 'components': _closed()}
    return fastjsonschema.compile(whole, use_default=False)


@functools.cache
def _closed() -> Node:
    schemas = document()['components']['schemas']
    return {'schemas': _without_others(schemas)}


def _without_others(node: typing.Any) -> typing.Any:
    """A schema, or a part of one, in which objects have no other keys than the named ones, unless
    it says that they may.
    """
    if isinstance(node, list):
        return [_without_others(element) for element in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _without_others(value) for key, value in node.items()}
    # Formats are of requests alone.
    if isinstance(closed.get('format'), str):
        del closed['format']
    if isinstance(node.get('properties'), dict) and node.get('type') == 'object':
        closed.setdefault('additionalProperties', False)
    return closed
