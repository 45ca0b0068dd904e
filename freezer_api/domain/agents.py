"""What the published agents (``freezer`` 16 to 19) know and assume: their
options, defaults and names.

The options are data, written by ``tools/agent-options`` from the packages on
PyPI. An agent writes a job's ``freezer_action`` to a file and reads it as its
own configuration, so the keys are its options.
"""

import collections.abc
import functools
import importlib.resources
import json
import re
import string
import typing

from freezer_api.domain.documents import Body

VERSIONS = ('16.0.0', '17.0.0', '18.0.0', '19.0.0')
LATEST = VERSIONS[-1]
OptionType = typing.Literal['text', 'integer', 'number', 'boolean']
#: What the latest agent assumes for options that an action lacks.
DEFAULTS = {
    'mode': 'fs',
    'storage': 'swift',
    'engine_name': 'tar',
    'container': 'freezer_backups',
    'backup_name': 'freezer_{mode}_{resource_id}',
}
#: Modes whose backups are archives of files; in others the agent asks a
#: service of OpenStack.
FILES = frozenset(('fs', 'mysql', 'mongo', 'sqlserver'))
#: The options that identify what a mode backs up, the preferred one first:
#: ``{resource_id}`` in a name. In other modes it is the host.
RESOURCES: dict[str, tuple[str, ...]] = {
    'cinder': ('cindernative_vol_id', 'cinder_vol_id'),
    'cindernative': ('cindernative_vol_id', 'cinder_vol_id'),
    'nova': ('nova_inst_id',),
    'glance': ('glance_image_id',),
}
# A % with another one beside it, in pairs, is doubled.
_LONE_PERCENT = re.compile('(?<!%)(?:%%)*%(?!%)')
_VERSION = re.compile('[0-9]{1,6}')


@functools.cache
def options(version: str) -> dict[str, OptionType]:
    """Return the options that an agent knows, and the type of each."""
    known: dict[str, OptionType] = {}
    # Options of oslo.log, which agents of all versions have, come as a list.
    for name in _load('logging'):
        known[name] = 'text'
    known.update(_load(version)['options'])
    return known


def key(name: str) -> str:
    """Return a key of an action as agents read it."""
    return name.lower().replace('-', '_')


def plain(definition: Body) -> Body:
    """Return an action as agents read it: by the names of options, without
    nulls and empty strings.
    """
    found: Body = {}
    for name, value in definition.items():
        if value is not None and value != '':
            found[key(name)] = value
    if 'engine' in found:
        engine = found.pop('engine')
        found.setdefault('engine_name', engine)
    return found


def has_percent(value: typing.Any) -> bool:
    """Tell whether a value, written to a file as agents do, has a ``%``, which
    they interpolate.
    """
    return '%' in str(value)


def has_lone_percent(value: typing.Any) -> bool:
    """Tell whether agents fail to write or read a value because it has a ``%``
    that isn't doubled.
    """
    return _LONE_PERCENT.search(str(value)) is not None


def major(version: typing.Any) -> int | None:
    """Return the first number of an agent's version; None if it has none."""
    if not isinstance(version, str):
        return None
    match = _VERSION.match(version)
    return int(match[0]) if match else None


def names(raw: str, about: Body) -> frozenset[str]:
    """Return the names that a backup may have in its metadata if the action
    that made it has ``raw`` for ``backup_name``.

    Since 19.0.0 this is a template, filled with what a plain action, or
    metadata (``about``), say. Before, it is the name.
    """
    filled = _fill(raw, _fields(about))
    if filled is None:
        return frozenset((raw,))
    return frozenset((raw, filled))


def _fields(about: Body) -> dict[str, str]:
    """Return the fields of a name's template and their values."""
    mode = about.get('mode') or DEFAULTS['mode']
    media = about.get('backup_media')
    if not media:
        media = 'fs' if mode in FILES else mode
    resource = ''
    for name in RESOURCES.get(mode, ('hostname',)):
        if about.get(name):
            resource = about[name]
            break
    fields = {
        'mode': mode,
        'backup_media': media,
        'resource_id': resource,
    }
    for name in ('storage', 'container', 'project_id'):
        fields[name] = about.get(name) or ''
    return {name: str(value) for name, value in fields.items()}


def _fill(
    template: str, fields: collections.abc.Mapping[str, str]
) -> str | None:
    """Return a template with its fields filled, or as it is if agents take it
    so; None if what agents make of it isn't known.

    ``str.format`` isn't used: a caller's template could ask it for anything.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        # A single brace: the agent takes the text as it is.
        return template
    filled: list[str] = []
    for literal, field, spec, conversion in parts:
        filled.append(literal)
        if field is None:
            continue
        # Formats, indices and attributes depend on the agent's objects.
        if spec or conversion or not re.fullmatch(r'\w*', field):
            return None
        # With a field that it doesn't know, the agent takes the text as it is.
        if field not in fields:
            return template
        filled.append(fields[field])
    return ''.join(filled)


def _load(name: str) -> typing.Any:
    package = importlib.resources.files('freezer_api.domain')
    text = (package / 'agent_options' / f'{name}.json').read_text()
    return json.loads(text)
