"""The indices' versions: creating them, upgrading them, telling which ones are
there.

A kind is read under an alias. The one index behind it has the version of its
mappings in its name and under ``_meta``; it is the alias's write index, of
which Elasticsearch lets no alias have two, so of several processes that create
or upgrade it at once one does.
"""

import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch import client as asking
from freezer_api.db.elasticsearch import commit, mappings, upgrading
from freezer_api.db.elasticsearch.client import OUT_OF_DATE, Client

#: How often is looked again whether what another process does has come to be
#: seen.
LOOKS = 100
#: Of a template; longer prefixes go before the shorter ones that they begin
#: with.
PRIORITY = 500
_SEEN = ','.join(
    [
        '*.aliases',
        '*.mappings._meta',
        '*.settings.index.number_of_replicas',
        '*.settings.index.refresh_interval',
    ]
)


@dataclasses.dataclass(frozen=True, slots=True)
class Index:
    """An index behind an alias."""

    name: str
    version: int
    settings: mappings.Settings


def sync(client: Client) -> None:
    """Make this release's indices, from older ones where there are any.
    Idempotent, also for several processes at once.

    ``SchemaOutOfDate`` where they are a newer release's, or can't be made.
    """
    there = _behind(client)
    _check_newer(there)
    _put_template(client)
    attempt = 0
    while old := [
        kind
        for kind in mappings.KINDS
        if kind not in there or there[kind].version < mappings.VERSION
    ]:
        if attempt == LOOKS:
            raise exceptions.SchemaOutOfDate(_stuck(client, old[0], there))
        for kind in old:
            if kind in there:
                upgrading.upgrade(client, kind, there[kind].name)
            else:
                _create(client, kind)
        if attempt:
            commit.pause(attempt)
        attempt += 1
        there = _behind(client)
    for index in there.values():
        _configure(client, index)
    upgrading.tidy(client)


def version(client: Client) -> str | None:
    """The version of the indices that are there: the oldest one's; None
    without any.
    """
    found = [index.version for index in _behind(client).values()]
    return str(min(found)) if found else None


def check(client: Client) -> None:
    """Return if the indices are this release's, else raise
    ``SchemaOutOfDate``; one request.
    """
    found = _behind(client)
    _check_newer(found)
    if any(
        kind not in found or found[kind].version != mappings.VERSION
        for kind in mappings.KINDS
    ):
        raise exceptions.SchemaOutOfDate(OUT_OF_DATE)


def _check_newer(there: dict[str, Index]) -> None:
    """``SchemaOutOfDate`` where indices are a newer release's, which no
    upgrade helps against.
    """
    newer = [
        index.name
        for index in there.values()
        if index.version > mappings.VERSION
    ]
    if newer:
        raise exceptions.SchemaOutOfDate(
            'The indices of Elasticsearch are those of a newer release:'
            f' {", ".join(newer)}.'
        )


def _behind(client: Client) -> dict[str, Index]:
    """The index behind the alias of each kind that has one."""
    aliases = {client.alias(kind): kind for kind in mappings.KINDS}
    found: dict[str, Index] = {}
    asked = client.call(
        'GET',
        f'/{",".join(aliases)}',
        params={'ignore_unavailable': 'true', 'filter_path': _SEEN},
    )
    for name, told in asking.done(asked).items():
        for alias in told.get('aliases', {}).keys() & aliases.keys():
            version = (
                told.get('mappings', {}).get('_meta', {}).get('version', 0)
            )
            found[aliases[alias]] = Index(
                name, version, told.get('settings', {}).get('index', {})
            )
    return found


def _stuck(client: Client, kind: str, there: dict[str, Index]) -> str:
    """Why the index of a kind doesn't come to be."""
    if kind in there:
        return f'The index {there[kind].name} can not be upgraded.'
    return (
        f'There is an index {_first(client, kind)} without the alias'
        f' {client.alias(kind)}.'
    )


def _put_template(client: Client) -> None:
    """What an index of ours is like, whoever makes it; and no write makes
    one.
    """
    body = {
        'index_patterns': [
            f'{client.alias(kind)}_*' for kind in mappings.KINDS
        ],
        'version': mappings.VERSION,
        'priority': PRIORITY + len(client.conf.index),
        'allow_auto_create': False,
        'template': {
            'mappings': mappings.mappings(),
            'settings': {'index': upgrading.settings(client)},
        },
    }
    asking.done(
        client.call(
            'PUT', f'/_index_template/{client.conf.index}_documents', body
        )
    )


def _create(client: Client, kind: str) -> None:
    """Make the first index of a kind, unless another process does. Its name is
    the same for all who do it at once.
    """
    answer = client.call(
        'PUT',
        f'/{_first(client, kind)}',
        {
            'mappings': mappings.mappings(),
            'settings': {'index': upgrading.settings(client)},
            'aliases': {client.alias(kind): {'is_write_index': True}},
        },
    )
    # The latter of an alias that has come to have one, under another name.
    if asking.error_type(answer[1]) not in (
        'resource_already_exists_exception',
        'illegal_state_exception',
    ):
        asking.done(answer)


def _first(client: Client, kind: str) -> str:
    return f'{client.alias(kind)}_{mappings.VERSION}_first'


def _configure(client: Client, index: Index) -> None:
    """Give an index the settings that follow the configuration, where it has
    other ones.
    """
    wanted = mappings.chosen(client.conf.number_of_replicas, client.waits)
    there: dict[str, typing.Any] = {
        name: index.settings.get(name) for name in wanted
    }
    if there != {
        name: value if value is None else str(value)
        for name, value in wanted.items()
    }:
        asking.done(
            client.call('PUT', f'/{index.name}/_settings', {'index': wanted})
        )
