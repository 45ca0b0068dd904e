"""``python -m tests.linearizable.serving CONFIG PORT [MUTANT]``: a process that serves the API as
``freezer-api`` does, without Keystone: each caller has every role in the project of the path.
"""

import sys

from oslo_policy import opts as policy_opts

from freezer_api import app, conf, db
from freezer_api.cmd import server
from freezer_api.conf import files
from freezer_api.middleware import standalone
from tests.linearizable import mutants


def main(config_file: str, port: str, mutant: str = '') -> int:
    """Serve until a signal ends the process; its exit code."""
    if mutant:
        mutants.MUTANTS[mutant]()
    options = conf.new()
    policy_opts.set_defaults(options)
    files.read(options, ['--config-file', config_file], 'freezer-api')
    application = app.build(options, db.load(options), authenticate=standalone.EveryRole)
    listening = server.listen('127.0.0.1', int(port))
    settings = server.settings(options, needs_token=False)
    return int(not server.serve(listening, application, settings, lambda: None))


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
