"""Options in the files of an operator that this release doesn't know: most are
misspelt.
"""

import collections.abc
import difflib
import glob
import os

from oslo_config import cfg
from oslo_db import options as oslo_db

from freezer_api.conf import database, opts

Sections = dict[str, dict[str, list[str]]]


def unknown(conf: cfg.ConfigOpts) -> list[str]:
    """The options in our own sections that nothing reads, as ``[section]
    option``, with the one that may be meant.

    Sections of libraries and of others, ``[DEFAULT]`` among them, are left
    alone: they have options that are nobody's here.
    """
    known = _known()
    found = []
    for section, options in sorted(_sections(conf).items()):
        for option in sorted(options):
            if (
                section in known
                and option.replace('-', '_') not in known[section]
            ):
                near = difflib.get_close_matches(
                    option, sorted(known[section]), 1
                )
                found.append(
                    f'[{section}] {option}'
                    + (f' (is {near[0]} meant?)' if near else '')
                )
    return found


def _known() -> dict[str, set[str]]:
    """The options of our sections, by all the names that they have and had."""
    known: dict[str, set[str]] = {}
    for group, options in (
        *opts.list_opts(),
        (database.GROUP, oslo_db.database_opts),
    ):
        for option in options if group else ():
            names = {option.dest} | {
                old.name
                for old in option.deprecated_opts
                if old.group in (None, group) and old.name
            }
            known.setdefault(str(group), set()).update(
                name.replace('-', '_') for name in names
            )
    return known


def _sections(conf: cfg.ConfigOpts) -> Sections:
    """What the files say that the process has read."""
    sections: Sections = {}
    for path in _files(conf):
        cfg.ConfigParser(path, sections).parse()
    return sections


def _files(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    yield from conf.config_file or ()
    for folder in conf.config_dir or ():
        yield from sorted(
            glob.glob(os.path.join(glob.escape(folder), '*.conf'))
        )
