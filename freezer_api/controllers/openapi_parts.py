"""The parts of the description of the API that are the same for all
operations.
"""

import typing

from freezer_api.schemas import base, discovery

Node = dict[str, typing.Any]
#: What is told of searches, where the parameter ``search`` is.
SEARCH = (
    'The search may also be the body of the request, as published clients send'
    ' it; OpenAPI knows no body of a GET, so here it is the parameter'
    ' `search`. It must not be given both ways.'
)
INFO: Node = {
    'title': 'Freezer API',
    'summary': 'Backup sessions, and the jobs, actions, clients and backups'
    ' that they are about.',
    'description': (
        'HEAD is answered as GET, without a body. OPTIONS is answered with the'
        ' methods of a resource in Allow, and needs no token.\n\n'
        'Objects in answers may get new keys in later releases. In requests, a'
        ' null is the same as a key that is absent, unless it is described'
        ' otherwise.\n\n'
        'A body that is not JSON is answered with the status 753, which is'
        ' none of HTTP; each operation has it under `x-status-753`. The rule'
        ' that guards an operation is its `x-policy-rule`.'
    ),
    'license': {'name': 'Apache License 2.0', 'identifier': 'Apache-2.0'},
}


def refer(kind: str, name: str) -> Node:
    """Return a reference to a component."""
    return {'$ref': f'#/components/{kind}/{name}'}


def headers(*names: str) -> Node:
    """Return the headers of an answer, by names of components."""
    found: Node = {}
    for name in names:
        found[_HEADER_NAMES.get(name, name)] = refer('headers', name)
    return found


def parameter(place: str, name: str, schema: base.Schema) -> Node:
    """Return a parameter that a schema with a description describes."""
    plain = dict(schema)
    text: str = plain.pop('description')
    return {
        'name': name,
        'in': place,
        'description': f'{text[0].upper()}{text[1:].removesuffix(".")}.',
        'schema': plain,
    }


def _header(description: str) -> Node:
    return {'description': description, 'schema': {'type': 'string'}}


def _request_header(name: str, description: str) -> Node:
    return {'name': name, 'in': 'header', **_header(description)}


def _error(description: str, schema: base.Schema, *names: str) -> Node:
    return {
        'description': description,
        'headers': headers('RequestId', *names),
        'content': {'application/json': {'schema': schema}},
    }


_HEADER_NAMES = {
    'RequestId': 'X-OpenStack-Request-ID',
    'RetryAfter': 'Retry-After',
}
_ENTITY_TAGS = 'Entity tags, or `*` for any version.'
#: Everything that operations refer to, but for schemas.
COMPONENTS: Node = {
    'securitySchemes': {
        'Token': {
            'type': 'apiKey',
            'in': 'header',
            'name': 'X-Auth-Token',
            'description': (
                'A token of Keystone for the project in the path. The'
                ' standalone service needs none.'
            ),
        }
    },
    'parameters': {
        'RequestId': _request_header(
            'X-OpenStack-Request-ID',
            'An id of the request, `req-` and a UUID, which is kept in logs.',
        ),
        'IfMatch': _request_header(
            'If-Match',
            f'{_ENTITY_TAGS} The request is done only if the document has one'
            ' of them; else it is answered 412.',
        ),
        'IfNoneMatch': _request_header(
            'If-None-Match',
            f'{_ENTITY_TAGS} The request is done only if the document has none'
            ' of them; else a GET is answered 304, and a change 412.',
        ),
    },
    'headers': {
        'RequestId': _header('The id of the request.'),
        'ETag': _header('The entity tag of the document.'),
        'Location': _header('The path of what was made.'),
        'Allow': _header('With 405: the methods of the resource.'),
        'RetryAfter': _header('With 503: seconds to wait.'),
    },
    'responses': {
        'NotModified': {
            'description': 'The caller has this version.',
            'headers': headers('RequestId', 'ETag'),
        },
        'Unauthorized': _error(
            'The request has no token, or an invalid one.',
            {'anyOf': [discovery.TOKEN_ERROR, discovery.ERROR]},
        ),
        'MalformedBody': _error(
            'Syntax Error: the body is not JSON.', discovery.ERROR
        ),
        'Error': _error(
            'An error; `code` says which one.',
            discovery.ERROR,
            'Allow',
            'RetryAfter',
        ),
    },
}
