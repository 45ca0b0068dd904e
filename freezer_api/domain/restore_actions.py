"""The action that makes an agent restore one backup.

It is made from the job's backup action, for metadata have no passwords, and
from the metadata. Only what a mode needs is taken, by name: an agent of
release 19 fails at any key that it doesn't know.
"""

from freezer_api.domain import agents, restore_sources
from freezer_api.domain.documents import Body
from freezer_api.domain.restore_keys import MODE_KEYS, allowed
from freezer_api.domain.restore_sources import Source

# Keys of metadata that are taken where no action of the job is known.
_METADATA_KEYS = (
    'mode',
    'storage',
    'container',
    'engine_name',
    'backup_name',
    'ssh_key',
    'ssh_username',
    'ssh_host',
    'ssh_port',
    'nova_inst_id',
    'cinder_vol_id',
    'cinderbrick_vol_id',
    'glance_image_id',
    'cindernative_vol_id',
)


def compose(source: Source, path: str | None) -> Body:
    """Return the action that restores a backup to a folder (None: where it
    came from). It overwrites and removes nothing.
    """
    metadata = source.metadata
    base = source.action
    if base is None:
        base = _known_of_action(metadata)
    mode = _choose('mode', metadata, base)
    storage = _choose('storage', metadata, base)
    action: Body = {'action': 'restore', 'mode': mode}
    # Sorted, so that the same backup always makes the same action.
    for key in sorted(allowed(mode, storage)):
        if key in base:
            action[key] = base[key]
    action.update(_resource(mode, metadata))
    if mode == 'cindernative':
        return action
    action['storage'] = storage
    action['container'] = _choose('container', metadata, base)
    action['engine_name'] = _choose('engine_name', metadata, base)
    # No agent has another machine's name for a default.
    hostname = metadata.get('hostname') or base.get('hostname')
    action['hostname'] = hostname
    action['backup_name'] = source.raw_name
    action['restore_from_date'] = restore_sources.date(source)
    if mode in agents.FILES:
        action['restore_abs_path'] = path or source.path
    return {key: value for key, value in action.items() if value is not None}


def read_only(action: Body) -> Body:
    """Return a restore that reads all of the backup and writes nothing."""
    return {**action, 'dry_run': True}


def is_readable(action: Body) -> bool:
    """Tell whether a dry run only reads: in other modes agents ignore it, and
    restore.
    """
    if action['mode'] not in agents.FILES:
        return False
    return bool(action.get('engine_name') == 'tar')


def _known_of_action(metadata: Body) -> Body:
    """Return what metadata say of the action that made a backup."""
    known: Body = {}
    for key in _METADATA_KEYS:
        if key in metadata:
            known[key] = metadata[key]
    return known


def _choose(key: str, metadata: Body, base: Body) -> str:
    """Return the value of the metadata, else that of the action, else what
    agents assume.
    """
    value: str = agents.DEFAULTS[key]
    if metadata.get(key):
        value = metadata[key]
    elif key in base:
        value = base[key]
    return value


def _resource(mode: str, metadata: Body) -> Body:
    """Return the keys that identify what is restored, in modes that have
    some.
    """
    found: Body = {}
    for key in MODE_KEYS.get(mode, ()):
        if metadata.get(key):
            found[key] = metadata[key]
    if mode == 'cindernative' and metadata.get('cinder_backup_id'):
        found['cindernative_backup_id'] = metadata['cinder_backup_id']
    return found
