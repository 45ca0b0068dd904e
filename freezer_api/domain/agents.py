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
#: What an action is taken to say where it says nothing, in the release of
#: :data:`LATEST`.
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
#: The identity of what a mode backs up: what stands for ``{resource_id}`` in a
#: name.
RESOURCES = {
    'cinder': ('cindernative_vol_id', 'cinder_vol_id'),
    'cindernative': ('cindernative_vol_id', 'cinder_vol_id'),
    'nova': ('nova_inst_id',),
    'glance': ('glance_image_id',),
}
_LONE_PERCENT = re.compile('(?<!%)(?:%%)*%(?!%)')
_VERSION = re.compile('[0-9]{1,6}')


@functools.cache
def options(version: str) -> dict[str, str]:
    """The options that an agent knows, and what each is: text, integer, number
    or boolean.
    """
    return {
        **dict.fromkeys(_data('logging'), 'text'),
        **_data(version)['options'],
    }


def key(name: str) -> str:
    """A key of an action as agents read it."""
    return name.lower().replace('-', '_')


def plain(definition: Body) -> Body:
    """An action as agents read it: by the names of options, without what says
    nothing.
    """
    found = {
        key(name): value
        for name, value in definition.items()
        if value not in (None, '')
    }
    if 'engine' in found:
        found.setdefault('engine_name', found.pop('engine'))
    return found


def has_percent(value: typing.Any) -> bool:
    """Whether a value, written to a file as agents do, has the character that
    they interpolate.
    """
    return '%' in str(value)


def has_lone_percent(value: typing.Any) -> bool:
    """Whether agents fail to write or read a value, for a ``%`` in it that
    isn't doubled.
    """
    return _LONE_PERCENT.search(str(value)) is not None


def major(version: typing.Any) -> int | None:
    """The first number of an agent's version; None if that can't be told."""
    found = _VERSION.match(version) if isinstance(version, str) else None
    return int(found[0]) if found else None


def names(raw: str, about: Body) -> frozenset[str]:
    """What a backup that an action calls ``raw`` can be called in its
    metadata.

    Since 19.0.0 a name is a template, filled with what a plain action, or
    metadata, tell. Before it wasn't.
    """
    filled = _filled(raw, _places(about))
    return frozenset((raw,) if filled is None else (raw, filled))


def _places(about: Body) -> dict[str, str]:
    mode = about.get('mode') or DEFAULTS['mode']
    resource = next(
        (
            about[name]
            for name in RESOURCES.get(mode, ('hostname',))
            if about.get(name)
        ),
        '',
    )
    media = about.get('backup_media') or ('fs' if mode in FILES else mode)
    told = {
        name: about.get(name) or ''
        for name in ('storage', 'container', 'project_id')
    }
    found = {
        'mode': mode,
        'backup_media': media,
        'resource_id': resource,
        **told,
    }
    return {name: str(value) for name, value in found.items()}


def _filled(
    template: str, places: collections.abc.Mapping[str, str]
) -> str | None:
    """A template with its places filled; as it is if the agent takes it so.
    None if that isn't told here.

    ``str.format`` isn't used: a caller's template could ask it for anything.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return template
    found = ''
    for literal, field, spec, conversion in parts:
        found += literal
        if field is None:
            continue
        if spec or conversion or not re.fullmatch(r'\w*', field):
            return None
        if field not in places:
            return template
        found += places[field]
    return found


def _data(name: str) -> typing.Any:
    folder = importlib.resources.files('freezer_api.domain') / 'agent_options'
    return json.loads((folder / f'{name}.json').read_text())
