"""Where the configuration files are, and how a process reads them."""

import argparse
import collections.abc
import logging
import os
import sys
import typing

from oslo_config import cfg
from oslo_log import log

from freezer_api import version
from freezer_api.conf import packages

FOLDER = '/etc/freezer'
FILE = 'freezer-api.conf'
#: Read where there is none of the name above: the file of a deployment that
#: has one for all of its Freezer.
OTHER_FILE = 'freezer.conf'

#: The project by which oslo.config and oslo.policy look for further files
#: (``/etc/freezer/policy.yaml``).
PROJECT = 'freezer'
#: What is wrong with a value that oslo.config understands as a reference.
DOLLAR = "with a '$' that no option's name follows; '$$' stands for one '$'"


def defaults() -> tuple[list[str], list[str]]:
    """The file and the folder that are read when none are named: those in
    ``/etc/freezer`` that exist.
    """
    files = [
        path
        for name in (FILE, OTHER_FILE)
        if os.path.isfile(path := os.path.join(FOLDER, name))
    ]
    folders = [os.path.join(FOLDER, f'{FILE}.d')]
    return files[:1], [path for path in folders if os.path.isdir(path)]


def of_wsgi_server(
    environ: collections.abc.Mapping[str, str],
    argv: collections.abc.Sequence[str],
) -> list[str]:
    """The command line by which a process reads its configuration whose own
    command line belongs to a WSGI server.

    ``OS_FREEZER_CONFIG_FILES`` names files, with ``;`` between them, and
    ``OS_FREEZER_CONFIG_DIR`` the folder of those without one; either is
    enough. Else ``--config-file`` and ``--config-dir`` in ``argv`` count
    (uwsgi's ``pyargv``). Else the list is empty: :func:`defaults` are meant.
    """
    folder = environ.get('OS_FREEZER_CONFIG_DIR', '').strip()
    names = [
        name.strip()
        for name in environ.get('OS_FREEZER_CONFIG_FILES', '').split(';')
        if name.strip()
    ]
    if names or folder:
        return [
            f'--config-file={os.path.join(folder or FOLDER, name)}'
            for name in names or [FILE]
        ]
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--config-file', action='append', default=[])
    parser.add_argument('--config-dir', action='append', default=[])
    known, _rest = parser.parse_known_args(list(argv))
    return [f'--config-file={path}' for path in known.config_file] + [
        f'--config-dir={path}' for path in known.config_dir
    ]


def read(
    conf: cfg.ConfigOpts,
    args: collections.abc.Sequence[str],
    prog: str,
    use_defaults: bool = True,
    epilog: str | None = None,
    quiet: bool = False,
) -> None:
    """Parse a command line and the files that it names into ``conf``, and set
    up logging as they say.

    Without a file or folder named, :func:`defaults` are read, unless
    ``use_defaults`` is false. ``epilog`` ends the text of ``--help``.
    ``quiet``: on standard error logs say nothing unless ``--debug`` asks for
    it; a command tells of its failure by itself. Errors are ``cfg.Error`` and
    ``OSError``, for a log file that can't be written.
    """
    files, folders = defaults() if use_defaults else ([], [])
    try:
        conf(
            list(args),
            project=PROJECT,
            prog=prog,
            version=version.release(),
            default_config_files=files,
            default_config_dirs=folders,
            epilog=epilog,
        )
    except UnicodeDecodeError as error:
        raise cfg.ConfigFileValueError(
            f'a configuration file is not UTF-8: {error}'
        ) from None
    validate(conf)
    if conf.use_journal:
        packages.require(
            'systemd.journal',
            '[DEFAULT] use_journal',
            'systemd-python',
            'journal',
        )
    if not (conf.log_file or conf.log_dir or conf.use_journal):
        # The library's own choice is standard output, which is what a command
        # was asked for.
        conf.set_default('use_stderr', True)
    log.setup(conf, prog, version.release())
    if quiet and not conf.debug:
        for handler in _on_stderr():
            handler.setLevel(logging.CRITICAL)


def logs_elsewhere() -> bool:
    """Whether logs are kept, in files or by the journal, and not shown on
    standard error alone.
    """
    return len(logging.getLogger().handlers) > len(_on_stderr())


def _on_stderr() -> list[logging.Handler]:
    return [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler)
        and handler.stream is sys.stderr
    ]


def validate(conf: cfg.ConfigOpts) -> None:
    """Read every option once, so that a value that can't be is told at the
    start and not by a request: ``cfg.Error``.
    """
    for name in conf:
        value = _value(conf, name, '')
        if isinstance(value, cfg.ConfigOpts.GroupAttr):
            for option in value:
                _value(value, option, f'[{name}] ')


def _value(values: typing.Any, name: str, section: str) -> typing.Any:
    try:
        return values[name]
    except cfg.NoSuchOptError:
        raise cfg.ConfigFileValueError(
            f'{section}{name}: has a value {DOLLAR}'
        ) from None
