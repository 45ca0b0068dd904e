"""Configuration files: where they are, and how a process reads them."""

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
#: Read if the file above does not exist: some deployments have one file for
#: all of Freezer.
OTHER_FILE = 'freezer.conf'

#: The project name under which oslo.config and oslo.policy look for further
#: files (``/etc/freezer/policy.yaml``).
PROJECT = 'freezer'
#: What is wrong with a value in which oslo.config finds a reference to an
#: option that does not exist: mostly a password with a dollar sign.
BAD_REFERENCE = (
    "contains a '$' that no option's name follows; write '$$' for '$'"
)


def defaults() -> tuple[list[str], list[str]]:
    """Find the files and folders that are read if none are named: at most one
    of each, those in ``/etc/freezer`` that exist.
    """
    files: list[str] = []
    for name in (FILE, OTHER_FILE):
        path = os.path.join(FOLDER, name)
        # Never both: an option in the older file would still have an effect
        # after an operator removed it from the newer one.
        if os.path.isfile(path) and not files:
            files.append(path)
    folder = os.path.join(FOLDER, f'{FILE}.d')
    folders = [folder] if os.path.isdir(folder) else []
    return files, folders


def of_wsgi_server(
    environ: collections.abc.Mapping[str, str],
    argv: collections.abc.Sequence[str],
) -> list[str]:
    """Make the command line that :func:`read` expects, for a process whose own
    command line belongs to a WSGI server.

    ``OS_FREEZER_CONFIG_FILES`` names files, with ``;`` between them;
    ``OS_FREEZER_CONFIG_DIR`` is the folder of files without one. Either
    variable is enough. If neither is set, ``--config-file`` and
    ``--config-dir`` in ``argv`` are used (uwsgi's ``pyargv``). An empty
    result means :func:`defaults`.
    """
    folder = environ.get('OS_FREEZER_CONFIG_DIR', '').strip()
    names = environ.get('OS_FREEZER_CONFIG_FILES', '').split(';')
    names = [name.strip() for name in names if name.strip()]
    if not names and folder:
        names = [FILE]
    if names:
        folder = folder or FOLDER
        return [
            f'--config-file={os.path.join(folder, name)}' for name in names
        ]
    return _config_arguments(argv)


def _config_arguments(argv: collections.abc.Sequence[str]) -> list[str]:
    """Pick ``--config-file`` and ``--config-dir`` out of another program's
    command line.
    """
    # Without abbreviations: gunicorn's --config is not ours.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--config-file', action='append', default=[])
    parser.add_argument('--config-dir', action='append', default=[])
    known, _rest = parser.parse_known_args(list(argv))
    files = [f'--config-file={path}' for path in known.config_file]
    folders = [f'--config-dir={path}' for path in known.config_dir]
    return files + folders


def read(
    conf: cfg.ConfigOpts,
    args: collections.abc.Sequence[str],
    prog: str,
    use_defaults: bool = True,
    epilog: str | None = None,
    quiet: bool = False,
) -> None:
    """Parse a command line and the files that it names into ``conf``, and set
    up logging accordingly.

    If it names neither file nor folder, :func:`defaults` are read, unless
    ``use_defaults`` is false. ``epilog`` ends the text of ``--help``. With
    ``quiet`` nothing is logged to standard error unless ``--debug`` is given:
    a command reports its failure itself. Raises ``cfg.Error``, and
    ``OSError`` for a log file that cannot be written.
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
    _set_up_logging(conf, prog, quiet)


def _set_up_logging(conf: cfg.ConfigOpts, prog: str, quiet: bool) -> None:
    if conf.use_journal:
        packages.require(
            'systemd.journal',
            '[DEFAULT] use_journal',
            'systemd-python',
            'journal',
        )
    if conf.log_dir and not conf.log_file:
        # The library would name the file after the program that was started,
        # say uwsgi or mod_wsgi.
        conf.set_default('log_file', f'{prog}.log')
    if not (conf.log_file or conf.log_dir or conf.use_journal):
        # The library would log to standard output, which is for the output
        # of commands.
        conf.set_default('use_stderr', True)
    log.setup(conf, prog, version.release())
    if quiet and not conf.debug:
        for handler in _stderr_handlers():
            handler.setLevel(logging.CRITICAL)


def has_kept_log() -> bool:
    """Tell whether logs are kept, in files or by the journal, and not only
    shown on standard error.
    """
    return len(logging.getLogger().handlers) > len(_stderr_handlers())


def _stderr_handlers() -> list[logging.Handler]:
    return [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler)
        and handler.stream is sys.stderr
    ]


def validate(conf: cfg.ConfigOpts) -> None:
    """Read every option once, and raise ``cfg.Error`` for a value that is not
    valid: oslo.config parses a value when it is first used, which would be in
    the middle of a request.
    """
    for name in conf:
        value = _get_value(conf, name, '')
        if isinstance(value, cfg.ConfigOpts.GroupAttr):
            for option in value:
                _get_value(value, option, f'[{name}] ')


def _get_value(values: typing.Any, name: str, section: str) -> typing.Any:
    try:
        return values[name]
    except cfg.NoSuchOptError:
        # Its message has the name that follows the "$", which is likely to be
        # a part of a password: it is left out.
        raise cfg.ConfigFileValueError(
            f'{section}{name}: {BAD_REFERENCE}'
        ) from None
