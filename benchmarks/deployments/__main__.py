"""This service on each store (stores), under each WSGI server (servers) or by
each database driver (drivers).

``python -m benchmarks.deployments SUBJECT`` makes all that it needs: servers
of the databases in folders of their own, and this service with 2 processes of
4 threads for each deployment, all with the same sessions. It loads them by
``wrk`` in turn, and writes a report. It needs ``wrk``, and what ``pip install
-e .[benchmarks]`` installs.

stores
    under uWSGI; needs mariadb-server-core, PostgreSQL, and for Elasticsearch
    and OpenSearch what the tests need. A quarter of an hour.
servers
    on MariaDB: uWSGI, gunicorn (gthread) and granian. Some minutes.
drivers
    under uWSGI: on MariaDB PyMySQL, and mysqlclient, which pip builds with
    gcc, pkg-config and libmariadb-dev; on PostgreSQL psycopg's binary wheel,
    and psycopg built by ``pip install 'psycopg[c]'`` with gcc and libpq-dev.
    What isn't installed isn't measured. Each process tells by which driver
    its connections are made; if it isn't the one that is meant, the command
    fails. Some minutes.
"""

import pathlib

from benchmarks import memory, options
from benchmarks.comparison import figures
from benchmarks.deployments import measuring, report
from benchmarks.deployments.subjects import SUBJECTS

PROGRAM = 'python -m benchmarks.deployments'
HERE = pathlib.Path(__file__).parent.parent / 'report'
#: What is measured unless told otherwise, and by ``--short``.
WHOLE = {'size': 10_000, 'rounds': 5, 'seconds': 2}
SHORT = {'size': 1000, 'rounds': 1, 'seconds': 1}


class Asked(options.Asked):
    """What to measure, and how long."""

    subject: str
    size: int
    report: pathlib.Path | None


def main() -> None:
    """Measure and write the report; or write it of figures that there are."""
    asked = _parse()
    memory.use()
    subject = SUBJECTS[asked.subject]
    folder = asked.report or HERE / subject.name
    if asked.figures:
        run = figures.load(folder)
    else:
        keep = figures.keeper(_command(asked), folder)
        run = measuring.run(subject, asked, keep)
        keep(run)
    report.write(subject, run, folder)


def _parse() -> Asked:
    # Each subject has a report of its own.
    parser = options.make_parser(PROGRAM, __doc__, None)
    options.add_load(parser)
    parser.add_argument('subject', choices=SUBJECTS)
    parser.add_argument(
        '--size',
        type=int,
        help='sessions in each store',
    )
    asked = parser.parse_args(namespace=Asked())
    options.fill_in(asked, WHOLE, SHORT)
    return asked


def _command(asked: Asked) -> str:
    told = {'size': asked.size, **options.spell_load(asked)}
    command = options.spell(f'{PROGRAM} {asked.subject}', told)
    if asked.cases:
        command += f" --cases '{asked.cases}'"
    return command


if __name__ == '__main__':
    main()
