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
    under uWSGI on PostgreSQL: psycopg's binary wheel, and psycopg built by
    ``pip install 'psycopg[c]'`` with gcc and libpq-dev; what isn't installed
    isn't measured. Some minutes.
"""

import argparse
import pathlib

from benchmarks.comparison import figures
from benchmarks.deployments import measuring, report
from benchmarks.deployments.subjects import SUBJECTS

HERE = pathlib.Path(__file__).parent.parent / 'report'
WHOLE = {'size': 10_000, 'rounds': 5, 'seconds': 2}
SHORT = {'size': 1000, 'rounds': 1, 'seconds': 1}


class Asked(argparse.Namespace):
    """What to measure, and how long."""

    subject: str
    cases: str
    size: int
    rounds: int
    seconds: int
    short: bool
    figures: bool
    report: pathlib.Path | None

    def selects(self, name: str) -> bool:
        """Return whether a case is to be measured."""
        return any(word in name for word in self.cases.split(','))


def main() -> None:
    """Measure and write the report; or write it of figures that there are."""
    asked = _parse()
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
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.deployments',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('subject', choices=SUBJECTS)
    parser.add_argument('--size', type=int, help='sessions in each store')
    parser.add_argument('--cases', default='', metavar='WORD,…')
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--seconds', type=int, help='of each slice, at least')
    parser.add_argument('--short', action='store_true')
    parser.add_argument(
        '--report',
        type=pathlib.Path,
        metavar='FOLDER',
        help='default: benchmarks/report/SUBJECT',
    )
    parser.add_argument(
        '--figures',
        action='store_true',
        help='write the report of the figures in its folder anew',
    )
    asked = parser.parse_args(namespace=Asked())
    usual = SHORT if asked.short else WHOLE
    for name, value in usual.items():
        if getattr(asked, name) is None:
            setattr(asked, name, value)
    return asked


def _command(asked: Asked) -> str:
    command = (
        f'python -m benchmarks.deployments {asked.subject}'
        f' --size {asked.size} --rounds {asked.rounds}'
        f' --seconds {asked.seconds}'
    )
    if asked.cases:
        command += f" --cases '{asked.cases}'"
    return command


if __name__ == '__main__':
    main()
