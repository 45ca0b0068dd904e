"""The indices and their versions: creating them, upgrading them, and telling
which ones are there.

A kind is read under an alias. The one index behind it has the version of its
mappings in its name and under ``_meta``. It is the write index of the alias.
No alias may have two of those: so of several processes that
create or upgrade an index at once one does.
"""

import dataclasses
import logging
import math
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.connections import answers
from freezer_api.db.elasticsearch.connections.client import (
    OUT_OF_DATE,
    Client,
    Refused,
    require_ok,
)
from freezer_api.db.elasticsearch.indices import mappings, upgrading

LOG = logging.getLogger(__name__)
#: How often the indices are looked at, while another process creates or
#: upgrades them too.
LOOKS = 100
#: Of two templates for an index the one with the higher priority is taken: a
#: longer prefix goes before the shorter one that it begins with.
PRIORITY = 500
#: What is read of an index.
_FIELDS = ','.join(
    [
        '*.aliases',
        '*.mappings._meta',
        '*.settings.index.number_of_replicas',
        '*.settings.index.refresh_interval',
        '*.settings.index.replication.type',
        '*.settings.index.blocks',
        '*.settings.index.verified_before_close',
    ]
)
#: Answers to the creation of an index that is there already, and of an alias
#: that has come to have an index of another name.
_CREATED_BY_OTHERS = (
    'resource_already_exists_exception',
    'illegal_state_exception',
)


@dataclasses.dataclass(frozen=True, slots=True)
class Index:
    """An index behind an alias."""

    name: str
    version: int
    settings: mappings.Settings
    #: All of its aliases.
    aliases: frozenset[str]

    @property
    def block(self) -> str:
        """Why it takes no writes, or can't be read; '' if it does and can."""
        # The setting stays until the index is opened.
        if self.settings.get('verified_before_close') == 'true':
            return 'it is closed'
        blocks = self.settings.get('blocks', {})
        names = []
        for name, value in sorted(blocks.items()):
            if str(value) == 'true':
                names.append(f'index.blocks.{name}')
        if not names:
            return ''
        return f'{" and ".join(names)} is set'


def sync(client: Client) -> None:
    """Create this release's indices, from older ones where there are any.
    Idempotent, also for several processes at once.

    ``SchemaOutOfDate`` where they are a newer release's, or can't be made.
    """
    indices = _read_indices(client)
    _check_usable(client, indices)
    _put_template(client)
    attempts = Retries('Creating indices', timeout=math.inf, warns=False)
    looks = 0
    while True:
        outdated = _outdated(indices)
        if not outdated:
            break
        if looks == LOOKS:
            reason = _why_outdated(client, outdated[0], indices)
            raise exceptions.SchemaOutOfDate(reason)
        for kind in outdated:
            old = indices.get(kind)
            if old is not None:
                _upgrade(client, kind, old)
            else:
                _create(client, kind)
        # The first time they are most likely there.
        if looks:
            attempts.wait(f'the index of {outdated[0]} is not there yet')
        looks += 1
        indices = _read_indices(client)
    for index in indices.values():
        if index.block:
            _warn_of_block(client, index)
        else:
            _configure(client, index)
    upgrading.tidy(client)


def _warn_of_block(client: Client, index: Index) -> None:
    LOG.warning(
        '%s: %s takes no writes: %s. That is left as it is; whoever did it has'
        ' to undo it.',
        client.product.name,
        index.name,
        index.block,
    )


def _upgrade(client: Client, kind: str, old: Index) -> None:
    upgrading.upgrade(client, kind, old.name)
    # The block of upgrades themselves, of one that broke off.
    blocks = set(old.settings.get('blocks', ()))
    if old.block and blocks != {'write'}:
        LOG.warning(
            '%s: %s took no writes: %s. The index that replaces it does.',
            client.product.name,
            old.name,
            old.block,
        )


def version(client: Client) -> str | None:
    """Return the version of the indices that are there, which is that of the
    oldest one; None without any.
    """
    indices = _read_indices(client)
    versions = [index.version for index in indices.values()]
    if not versions:
        return None
    return str(min(versions))


def check(client: Client) -> None:
    """Return if the indices are this release's, else raise
    ``SchemaOutOfDate``, and if they take writes, else ``StorageUnavailable``;
    by one request.
    """
    indices = _read_indices(client)
    _check_usable(client, indices)
    if _outdated(indices):
        raise exceptions.SchemaOutOfDate(OUT_OF_DATE)
    for index in indices.values():
        if _lacks_alias(client, index):
            raise exceptions.SchemaOutOfDate(OUT_OF_DATE)
    for index in indices.values():
        if index.block:
            raise exceptions.StorageUnavailable() from Refused(
                f'{index.name} takes no writes: {index.block}'
            )


def _outdated(indices: dict[str, Index]) -> list[str]:
    """Return the kinds without an index of this release."""
    outdated = []
    for kind in mappings.KINDS:
        index = indices.get(kind)
        if index is None or index.version < mappings.VERSION:
            outdated.append(kind)
    return outdated


def _check_usable(client: Client, indices: dict[str, Index]) -> None:
    """Raise ``SchemaOutOfDate`` if indices are a newer release's, or such that
    they can't hold what is promised: no upgrade helps against that.
    """
    newer = []
    for index in indices.values():
        if index.version > mappings.VERSION:
            newer.append(index.name)
    if newer:
        raise exceptions.SchemaOutOfDate(
            f'The indices of {client.product.name} are those of a newer'
            f' release: {", ".join(newer)}.'
        )
    for index in indices.values():
        client.product.check_settings(index.name, index.settings)


def _read_indices(client: Client) -> dict[str, Index]:
    """Return the index behind the alias of each kind that has one."""
    kinds = {client.alias(kind): kind for kind in mappings.KINDS}
    path = f'/{",".join(kinds)}'
    params = {
        'ignore_unavailable': 'true',
        'filter_path': _FIELDS,
    }
    answer = client.call('GET', path, params=params)
    indices: dict[str, Index] = {}
    for name, told in require_ok(answer).items():
        index = _index(name, told)
        for alias in index.aliases:
            if alias in kinds:
                kind = kinds[alias]
                indices[kind] = index
    return indices


def _index(name: str, told: dict[str, typing.Any]) -> Index:
    """Return an index of which the cluster tells what it has."""
    mapping = told.get('mappings', {})
    meta = mapping.get('_meta', {})
    version = meta.get('version', 0)
    settings = told.get('settings', {})
    aliases = told.get('aliases', ())
    return Index(
        name,
        version,
        settings.get('index', {}),
        frozenset(aliases),
    )


def _why_outdated(client: Client, kind: str, indices: dict[str, Index]) -> str:
    """Return why the index of a kind isn't there, for an operator."""
    if kind in indices:
        return f'The index {indices[kind].name} can not be upgraded.'
    return (
        f'There is an index {_first_name(client, kind)} without the alias'
        f' {client.alias(kind)}.'
    )


def _put_template(client: Client) -> None:
    """Say what an index of ours is like, whoever creates it, and that no write
    creates one, where that can be said here.
    """
    patterns = []
    for kind in mappings.KINDS:
        patterns.append(f'{client.alias(kind)}_*')
    prefix = client.conf.index
    body = {
        'index_patterns': patterns,
        'version': mappings.VERSION,
        'priority': PRIORITY + len(prefix),
        **client.product.template,
        'template': {
            'mappings': mappings.mappings(),
            'settings': {'index': upgrading.settings(client)},
        },
    }
    path = f'/_index_template/{prefix}_documents'
    answer = client.call('PUT', path, body)
    require_ok(answer)


def _create(client: Client, kind: str) -> None:
    """Create the first index of a kind, unless another process does. Its name
    is the same for all who do it at once.
    """
    name = _first_name(client, kind)
    body = {
        'mappings': mappings.mappings(),
        'settings': {'index': upgrading.settings(client)},
        'aliases': {
            client.alias(kind): {'is_write_index': True},
            **client.product.aliases(name),
        },
    }
    answer = client.call('PUT', f'/{name}', body)
    _status, told = answer
    if answers.error_type(told) not in _CREATED_BY_OTHERS:
        require_ok(answer)


def _first_name(client: Client, kind: str) -> str:
    return f'{client.alias(kind)}_{mappings.VERSION}_first'


def _lacks_alias(client: Client, index: Index) -> bool:
    """Tell whether an index is without the alias that writes go to."""
    needed = client.product.aliases(index.name)
    return not needed.keys() <= index.aliases


def _configure(client: Client, index: Index) -> None:
    """Give an index the settings that follow the configuration, if it has
    other ones, and what it may have lost.
    """
    if _lacks_alias(client, index):
        for alias in client.product.aliases(index.name):
            path = f'/{index.name}/_alias/{alias}'
            require_ok(client.call('PUT', path))
    wanted = mappings.chosen(client.conf.number_of_replicas, client.waits)
    differs = False
    for name, value in wanted.items():
        # The cluster tells numbers as texts.
        expected = None if value is None else str(value)
        if index.settings.get(name) != expected:
            differs = True
    if differs:
        path = f'/{index.name}/_settings'
        answer = client.call('PUT', path, {'index': wanted})
        require_ok(answer)
