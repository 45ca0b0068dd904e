"""What the cluster calls the errors in its answers, and what follows."""

import typing

#: Statuses of nodes that are overloaded, and of proxies and nodes that can't
#: serve. Each write can be sent again: see
#: :mod:`freezer_api.db.elasticsearch.commits.committing`.
_BUSY = frozenset((429, 502, 503, 504))
#: That of one that asks for less.
TOO_MANY = 429
#: What a node tells of a request that it couldn't pass on to another node, or
#: whose answer it didn't get. OpenSearch answers such searches with status
#: 500.
UNREACHED = frozenset(
    (
        'connect_transport_exception',
        'node_closed_exception',
        'node_disconnected_exception',
        'node_not_connected_exception',
        'receive_timeout_transport_exception',
        'send_request_transport_exception',
    )
)
#: An index takes no writes, by somebody's decision or for a full disk.
BLOCK = 'cluster_block_exception'
_MISSING = 'index_not_found_exception'
_NO_SHARD = 'no_shard_available_action_exception'


def error_type(body: typing.Any) -> str:
    """Return what the cluster calls the error in an answer; '' if there is
    none.
    """
    if not isinstance(body, dict):
        return ''
    error = body.get('error')
    if not isinstance(error, dict):
        return ''
    return str(error.get('type', ''))


def missing(body: typing.Any) -> str:
    """Return the index that isn't there, if that is all that an answer
    complains of; '' otherwise.
    """
    if not error_type(body):
        return ''
    causes = body['error'].get('root_cause') or [body['error']]
    if any(cause.get('type') != _MISSING for cause in causes):
        return ''
    return str(causes[0].get('index', ''))


def is_unserved(status: int, body: typing.Any) -> bool:
    """Tell whether an answer says that nodes can't serve at this moment, all
    of a request or one of the documents that it asks for.
    """
    if status in _BUSY:
        return True
    return any(cause in UNREACHED for cause in _causes(body))


def _causes(body: typing.Any) -> list[str]:
    """Return what the cluster calls the errors that an answer comes of, or
    documents in it.
    """
    kind = error_type(body)
    if kind:
        causes = body['error'].get('root_cause', ())
        return [kind, *(cause.get('type') for cause in causes)]
    documents = body.get('docs', ()) if isinstance(body, dict) else ()
    return [
        error_type(document) for document in documents if 'error' in document
    ]


def lacks_shards(body: typing.Any) -> bool:
    """Tell whether a search found no shard to ask, and had no other reason to
    fail.
    """
    if error_type(body) != 'search_phase_execution_exception':
        return False
    causes = body['error'].get('root_cause', ())
    return all(cause.get('type') == _NO_SHARD for cause in causes)
