"""Record histories on stores, or judge one that is in a file::

python -m tests.linearizable record --stores SQLite,MariaDB --waves 20
python -m tests.linearizable judge FILE
"""

import argparse
import collections
import pathlib
import random
import sys
import time

from tests.linearizable import campaign, comparing, deployments, recording
from tests.linearizable.faults import some_faults
from tests.linearizable.history import load


def main(arguments: list[str]) -> int:
    """Do what is asked; 1 if a history isn't as it should be."""
    asked = _parser().parse_args(arguments)
    return asked.work(asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m tests.linearizable', description=__doc__)
    verbs = parser.add_subparsers(required=True)
    record = verbs.add_parser('record', help='record histories and judge them')
    record.set_defaults(work=_record)
    record.add_argument(
        '--stores',
        default=','.join(deployments.BY_NAME),
        help='which, one after the other; default: %(default)s',
    )
    record.add_argument('--waves', type=int, default=20, help='of each store; default: 20')
    record.add_argument('--projects', type=int, default=2, help='at once; default: 2')
    record.add_argument('--callers', type=int, default=6, help='of each project; default: 6')
    record.add_argument(
        '--operations', type=int, default=30, help='of each caller in a wave; default: 30'
    )
    record.add_argument(
        '--faults',
        help='one of these in each wave, NAME,…; default: none, one or two of those that can be',
    )
    record.add_argument(
        '--settings',
        default='',
        help='of the nodes of Elasticsearch and OpenSearch, NAME=VALUE,…; default: none',
    )
    record.add_argument('--seed', default=str(random.randrange(1 << 16)))
    record.add_argument(
        '--histories',
        type=pathlib.Path,
        default=pathlib.Path('histories'),
        help='the folder for those that are not linearizable; default: %(default)s',
    )
    record.add_argument('--keep', action='store_true', help='keep those that are right as well')
    judge = verbs.add_parser('judge', help='judge histories again')
    judge.set_defaults(work=_judge)
    judge.add_argument('files', type=pathlib.Path, nargs='+')
    judge.add_argument(
        '--writes',
        action='store_true',
        help='ask only whether what was acknowledged is kept, whatever was read meanwhile',
    )
    compare = verbs.add_parser('compare', help='judge random histories by porcupine too: needs Go')
    compare.set_defaults(work=_compare)
    compare.add_argument('--histories', type=int, default=10_000, help='default: 10000')
    compare.add_argument('--seed', default=str(random.randrange(1 << 16)))
    return parser


def _record(asked: argparse.Namespace) -> int:
    """Each store has a server of its own, and each wave a fault or two."""
    print(f'seed {asked.seed}', flush=True)
    failed = 0
    for name in asked.stores.split(','):
        failed += _record_on(deployments.BY_NAME[name], asked)
    return int(failed > 0)


def _record_on(store: deployments.Store, asked: argparse.Namespace) -> int:
    figures = campaign.Figures()
    size = recording.Size(asked.projects, asked.callers, asked.operations)
    failed = 0
    begun = time.monotonic()
    settings = dict(setting.split('=') for setting in filter(None, asked.settings.split(',')))
    with deployments.deployed(store, own=True, **settings) as deployment:
        for wave in range(asked.waves):
            seed = f'{store.name}-{asked.seed}-{wave}'
            faults = some_faults(deployment, random.Random(seed))
            if asked.faults:
                faults = [random.Random(seed).choice(asked.faults.split(','))]
            try:
                campaign.run_wave(
                    deployment, seed, faults, figures, size, asked.histories, asked.keep
                )
            except campaign.NotLinearizable as failure:
                failed += 1
                print(f'{store.name}: {failure}', flush=True)
    print(f'{store.name}: {figures}; {time.monotonic() - begun:.0f} s in all', flush=True)
    return failed


def _judge(asked: argparse.Namespace) -> int:
    question = campaign.opinion_of_writes if asked.writes else campaign.opinion
    found = collections.Counter[str]()
    for file in asked.files:
        about, history = load(file)
        said = question(history)
        found[said.kind.value] += 1
        print(f'{file} {about}\n{said.kind.value}: {said.explanation}', flush=True)
    print(dict(found))
    return int(set(found) != {campaign.Kind.RIGHT.value})


def _compare(asked: argparse.Namespace) -> int:
    print(f'seed {asked.seed}', flush=True)
    right, differing = comparing.compare(asked.histories, asked.seed)
    print(f'{asked.histories} histories, {right} of them linearizable; {differing} verdicts differ')
    return int(differing > 0)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
