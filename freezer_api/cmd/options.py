"""Options in an operator's files that this release does not know: most of
them are misspelt.
"""

import collections.abc
import difflib
import glob
import os

from oslo_config import cfg
from oslo_db import options as oslo_db

from freezer_api.conf import database, opts

#: What files set: section to option to values.
Sections = dict[str, dict[str, list[str]]]


def list_unknown(conf: cfg.ConfigOpts) -> list[str]:
    """List the options in our own sections that nothing reads, as
    ``[section] option``, each with a similar option that may be meant.

    Other sections, ``[DEFAULT]`` among them, are ignored: libraries and other
    programs have options there.
    """
    known = _list_known()
    found = []
    for section, options in sorted(_read_sections(conf).items()):
        if section not in known:
            continue
        for option in sorted(options):
            if option.replace('-', '_') not in known[section]:
                hint = _find_similar(option, known[section])
                found.append(f'[{section}] {option}{hint}')
    return found


def _find_similar(option: str, known: set[str]) -> str:
    similar = difflib.get_close_matches(option, sorted(known), 1)
    if not similar:
        return ''
    return f' (is {similar[0]} meant?)'


def _list_known() -> dict[str, set[str]]:
    """List the options of our sections under all names that they have and
    had.
    """
    known: dict[str, set[str]] = {}
    oslo_db_group: opts.Listed = (database.GROUP, oslo_db.database_opts)
    for group, options in [*opts.list_opts(), oslo_db_group]:
        if group is None:
            continue
        names = known.setdefault(group, set())
        for option in options:
            names.add(option.dest.replace('-', '_'))
            names.update(_list_old_names(option, group))
    return known


def _list_old_names(
    option: cfg.Opt, group: str
) -> collections.abc.Iterator[str]:
    """List the earlier names of an option in its section."""
    for old in option.deprecated_opts:
        if old.name and old.group in (None, group):
            yield old.name.replace('-', '_')


def _read_sections(conf: cfg.ConfigOpts) -> Sections:
    """Read what the files set that the process has read."""
    sections: Sections = {}
    for path in _list_files(conf):
        # Adds to what other files set: a section may be in several.
        cfg.ConfigParser(path, sections).parse()
    return sections


def _list_files(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    yield from conf.config_file or ()
    for folder in conf.config_dir or ():
        pattern = os.path.join(glob.escape(folder), '*.conf')
        yield from sorted(glob.glob(pattern))
