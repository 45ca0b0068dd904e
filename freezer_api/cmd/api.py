"""``freezer-api``: serve the API, as configured or in standalone mode."""

import argparse
import contextlib
import logging
import pathlib
import socket
import sys

from oslo_config import cfg
from oslo_log import log
from oslo_policy import opts as policy_opts

from freezer_api import app, db
from freezer_api import conf as configuration
from freezer_api.cmd import (
    common,
    http_requests,
    lifecycle,
    server,
    standalone,
)
from freezer_api.conf import files, service
from freezer_api.db import base

PROG = 'freezer-api'
EPILOG = (
    '--standalone serves without configuration files, database server or'
    ' Keystone, on the loopback interface only. The data is stored in'
    ' --state-dir DIR (default: the freezer-api folder below the state folder'
    ' of the user, ~/.local/state). --port N is the same as --bind-port N; 0'
    ' selects a free port.'
)
LOG = log.getLogger(__name__)


def port_number(text: str) -> int:
    """Parse the number of a port; ``ValueError`` if it is not one."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


def split_arguments(
    argv: list[str],
) -> tuple[argparse.Namespace, list[str]]:
    """Parse what only the command line may say; the rest of it is returned
    for oslo.config.

    As options of oslo.config they could be set in a file, and ``standalone``
    there would switch authentication off.
    """
    return standalone_parser().parse_known_args(argv)


def standalone_parser() -> argparse.ArgumentParser:
    """Make the parser of the options that only the command line may have."""
    parser = argparse.ArgumentParser(
        prog=PROG, add_help=False, allow_abbrev=False
    )
    parser.add_argument(
        '--standalone',
        action='store_true',
        help='serve without configuration files, database server or Keystone',
    )
    parser.add_argument(
        '--port',
        type=port_number,
        metavar='N',
        help='same as --bind-port N; 0 selects a free port',
    )
    parser.add_argument(
        '--state-dir',
        type=pathlib.Path,
        metavar='DIR',
        help='with --standalone: the folder of the data',
    )
    return parser


def run_standalone(
    conf: cfg.ConfigOpts, port: int, folder: pathlib.Path
) -> int:
    """Serve from a private SQLite database in ``folder``."""
    for warning in standalone.configure(conf, folder):
        print(f'{PROG}: {warning}', file=sys.stderr)
    storage = db.load(conf)
    storage.sync()
    # Once it listens the banner can name the port, and a port that is taken
    # is the only thing that is printed.
    listening = server.listen(conf.bind_host, port)
    url = server.url(listening)
    print(standalone.banner(url, folder), end='', flush=True)
    application = app.build(conf, storage, standalone=True)
    schema = lifecycle.schema_version(storage)
    process = lifecycle.Process(conf, storage, schema)
    process.log_start(f'standalone at {url}')
    settings = server.settings(conf, needs_token=False)
    return serve(conf, listening, application, storage, settings, process)


def run(conf: cfg.ConfigOpts, port: int) -> int:
    """Serve as configured, with one process or with several."""
    with contextlib.closing(db.load(conf)) as storage:
        # A store of its own, closed again: the connections that it opens must
        # not be shared by the processes that are forked below.
        schema = lifecycle.check_storage(storage)
    storage = db.load(conf)
    application = app.build(conf, storage)
    listening = server.listen(conf.bind_host, port)
    url = server.url(listening)
    settings = server.settings(conf, needs_token=True)
    process = lifecycle.Process(conf, storage, schema)
    if conf.workers == 1:
        process.log_start(f'serving {url}')
        return serve(conf, listening, application, storage, settings, process)

    def work(lifeline: int) -> bool:
        """Serve in a worker process; tell whether all requests finished."""
        process.log_start(f'worker process serving {url}')
        finished = server.serve(
            listening, application, settings, lambda: reload(conf), lifeline
        )
        process.log_stop()
        if finished:
            storage.close()
        return finished

    process.log_start(f'{conf.workers} worker processes serving {url}')
    supervisor = server.Supervisor(
        conf.workers, work, lambda: reload(conf), settings.grace
    )
    supervisor.run()
    process.log_stop()
    return common.DONE


def serve(
    conf: cfg.ConfigOpts,
    listening: socket.socket,
    application: app.Application,
    storage: base.Storage,
    settings: http_requests.Settings,
    process: lifecycle.Process,
) -> int:
    """Serve in this process alone."""
    finished = server.serve(
        listening, application, settings, lambda: reload(conf)
    )
    if not finished:
        LOG.warning('Requests that did not finish in time are aborted.')
    process.log_stop()
    if not finished:
        # Their threads cannot be stopped, and the interpreter would wait for
        # them.
        server.leave(common.DONE)
    storage.close()
    return common.DONE


def reload(conf: cfg.ConfigOpts) -> None:
    """Reopen the log files, for programs that rotate them, and read the
    options again that may change while the process runs.
    """
    for handler in _log_handlers():
        if isinstance(handler, logging.FileHandler):
            # The next record opens it.
            handler.close()
    try:
        conf.mutate_config_files()
    except (cfg.Error, OSError) as error:
        LOG.error(
            'The configuration was not reloaded: %s', common.describe(error)
        )
    LOG.info('Log files were reopened.')


def _log_handlers() -> set[logging.Handler]:
    """The handlers of all loggers: a logging configuration file may give any
    logger a file of its own.
    """
    handlers = set(logging.root.handlers)
    for name in logging.root.manager.loggerDict:
        handlers.update(logging.getLogger(name).handlers)
    return handlers


@common.command(PROG)
def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; SIGHUP reopens the log files. Exit code
    1, with one line that says what has to be fixed, if it cannot serve.
    """
    ours, rest = split_arguments(argv)
    if ours.state_dir and not ours.standalone:
        return common.fail(PROG, '--state-dir needs --standalone')
    conf = configuration.new()
    conf.register_cli_opts(service.ADDRESS)
    policy_opts.set_defaults(conf)
    # In standalone mode the configuration of a deployment on the same machine
    # is ignored.
    files.read(
        conf, rest, PROG, use_defaults=not ours.standalone, epilog=EPILOG
    )
    port = conf.bind_port if ours.port is None else ours.port
    if not ours.standalone:
        return run(conf, port)
    if _is_on_command_line(conf, 'bind_host'):
        return common.fail(
            PROG, '--bind-host cannot be used with --standalone'
        )
    folder = ours.state_dir or standalone.default_folder()
    return run_standalone(conf, port, folder.absolute())


def _is_on_command_line(conf: cfg.ConfigOpts, name: str) -> bool:
    found = conf.get_location(name)
    if found is None:
        return False
    return found.location is cfg.Locations.command_line


if __name__ == '__main__':
    sys.exit(main())
