"""``freezer-api``: serve the API, by the configuration or standalone."""

import argparse
import contextlib
import logging
import pathlib
import socket
import sys

from oslo_config import cfg
from oslo_log import log
from oslo_policy import opts as policy_opts

from freezer_api import app, db, exceptions
from freezer_api import conf as configuration
from freezer_api.cmd import common, http_requests, server, standalone
from freezer_api.conf import files, service
from freezer_api.db import base

PROG = 'freezer-api'
EPILOG = (
    '--standalone serves without configuration, database server or Keystone,'
    ' on the loopback interface only, with its data in --state-dir DIR (by'
    " default in the user's state folder). --port N is another name of"
    ' --bind-port; 0 takes a free one.'
)
LOG = log.getLogger(__name__)


def port_number(text: str) -> int:
    """The number of a port from the command line."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


def split(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """What only the command line may say, and the rest of it, which is
    oslo.config's.

    As options of oslo.config they could stand in a file, where ``standalone``
    would switch authentication off.
    """
    parser = argparse.ArgumentParser(
        prog=PROG, add_help=False, allow_abbrev=False
    )
    parser.add_argument('--standalone', action='store_true')
    parser.add_argument('--port', type=port_number)
    parser.add_argument('--state-dir', type=pathlib.Path)
    return parser.parse_known_args(argv)


def warn_unless_ready(storage: base.Storage) -> None:
    """Tell at the start what every request would tell: an API process starts
    while its store is down.
    """
    try:
        storage.check()
    except exceptions.StorageUnavailable as error:
        LOG.warning(
            'Requests are answered 503 until this is mended: %s',
            common.describe(error),
        )


def run_standalone(
    conf: cfg.ConfigOpts, port: int, folder: pathlib.Path
) -> int:
    """Serve from a private SQLite store."""
    for warning in standalone.configure(conf, folder):
        print(f'{PROG}: {warning}', file=sys.stderr)
    storage = db.load(conf)
    storage.sync()
    listening = server.listen(conf.bind_host, port)
    print(standalone.banner(server.url(listening), folder), end='', flush=True)
    application = app.build(conf, storage, standalone=True)
    return serve(
        conf,
        listening,
        application,
        storage,
        server.settings(conf, needs_token=False),
    )


def run(conf: cfg.ConfigOpts, port: int) -> int:
    """Serve as configured."""
    with contextlib.closing(db.load(conf)) as storage:
        # What is connected here would be of no use to other processes.
        warn_unless_ready(storage)
    storage = db.load(conf)
    application = app.build(conf, storage)
    listening = server.listen(conf.bind_host, port)
    LOG.info('Serving %s', server.url(listening))
    settings = server.settings(conf, needs_token=True)
    if conf.workers == 1:
        return serve(conf, listening, application, storage, settings)

    def work(lifeline: int) -> bool:
        finished = server.serve(
            listening, application, settings, lambda: reload(conf), lifeline
        )
        if finished:
            storage.close()
        return finished

    server.Supervisor(
        conf.workers, work, lambda: reload(conf), settings.grace
    ).run()
    return common.DONE


def serve(
    conf: cfg.ConfigOpts,
    listening: socket.socket,
    application: app.Application,
    storage: base.Storage,
    settings: http_requests.Settings,
) -> int:
    """Serve by this process alone."""
    if not server.serve(
        listening, application, settings, lambda: reload(conf)
    ):
        LOG.warning('Requests that did not end in time are given up.')
        server.leave(common.DONE)
    storage.close()
    return common.DONE


def reload(conf: cfg.ConfigOpts) -> None:
    """Open the log files anew, for whoever has moved them away, and read the
    options again that may change meanwhile.
    """
    loggers = [
        logging.getLogger(name) for name in logging.root.manager.loggerDict
    ]
    for handler in {
        handler
        for logger in (logging.root, *loggers)
        for handler in logger.handlers
    }:
        if isinstance(handler, logging.FileHandler):
            # The next record opens it.
            handler.close()
    try:
        conf.mutate_config_files()
    except (cfg.Error, OSError) as error:
        LOG.error(
            'The configuration stays as it was: %s', common.describe(error)
        )
    LOG.info('The log files have been opened anew.')


@common.command(PROG)
def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; SIGHUP opens the log files anew. Exit
    code 1 with one line on what an operator has to mend.
    """
    ours, rest = split(argv)
    if ours.state_dir and not ours.standalone:
        return common.fail(PROG, '--state-dir goes with --standalone')
    conf = configuration.new()
    conf.register_cli_opts(service.ADDRESS)
    policy_opts.set_defaults(conf)
    # Standalone, a deployment's configuration on the same machine doesn't
    # count.
    files.read(
        conf, rest, PROG, use_defaults=not ours.standalone, epilog=EPILOG
    )
    port = conf.bind_port if ours.port is None else ours.port
    if ours.standalone:
        found = conf.get_location('bind_host')
        if found is not None and found.location is cfg.Locations.command_line:
            return common.fail(
                PROG, '--bind-host does not go with --standalone'
            )
        folder = ours.state_dir or standalone.default_folder()
        return run_standalone(conf, port, folder.absolute())
    return run(conf, port)


if __name__ == '__main__':
    sys.exit(main())
