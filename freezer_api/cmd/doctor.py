"""``freezer-manage doctor``: what is wrong in the store, and its repair."""

import argparse
import collections
import collections.abc
import json
import typing

import tqdm
from oslo_config import cfg

from freezer_api.cmd import common, stores
from freezer_api.db import doctor
from freezer_api.db.doctor import Finding
from freezer_api.domain import documents, texts

DESCRIPTION = """Read the store and tell what no healthy one has, a line each, with what to do
about it: what is derived from a document (search terms, texts, times, claims)
and differs from it, and documents that contradict each other (a session and
its members or its run, a job and its actions and trust). With --fix also
repair it, each by an operation like those of the API. API processes may run
meanwhile. The exit code is 1 if anything is left."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``doctor`` takes."""
    parser.add_argument(
        '--project-id',
        metavar='ID',
        help='tell and repair what is wrong in one project alone',
    )
    parser.add_argument(
        '--fix', action='store_true', help='repair what can be repaired'
    )
    parser.add_argument(
        '--json',
        action='store_true',
        help='report as JSON: one object a line, the last one with the counts',
    )
    parser.set_defaults(run=run)


def run(conf: cfg.ConfigOpts) -> int:
    """Examine the store; the exit code says whether anything is left."""
    arguments = conf.command
    command_log = stores.CommandLog(conf)
    report = _Report(arguments.json, arguments.fix)
    progress = stores.no_progress if arguments.json else stores.show_progress
    with stores.open_store(conf) as storage:
        storage.check()
        examination = doctor.Doctor(
            storage, progress, arguments.fix, arguments.project_id
        )
        for finding in examination.examine():
            report.tell(finding)
        report.finish(examination.outdated)
        command_log.log(common.address(storage), report.effect)
    return common.FAILED if report.is_anything_left else common.DONE


class _Report:
    """Tells findings as they come, and the counts at the end."""

    def __init__(self, as_json: bool, fix: bool):
        self._as_json = as_json
        self._fix = fix
        self._found = self._repairable = self._repaired = 0
        self._outdated = 0

    @property
    def is_anything_left(self) -> bool:
        """Whether something is wrong that wasn't repaired."""
        if self._outdated and not self._fix:
            return True
        return self._repaired < self._found

    @property
    def effect(self) -> str:
        """What the command did, for the log."""
        return f'{self._found} found, {self._repaired} repaired'

    def tell(self, finding: Finding) -> None:
        """Tell one finding."""
        self._found += 1
        self._repairable += finding.is_repairable
        self._repaired += finding.is_repaired
        drift = finding.drift
        if self._as_json:
            self._print(
                {
                    'finding': {
                        'kind': drift.kind,
                        'project_id': drift.project_id,
                        'id': drift.id,
                        'what': drift.what,
                        'advice': drift.advice,
                        'repairable': finding.is_repairable,
                        'repaired': finding.is_repaired,
                    }
                }
            )
            return
        line = stores.describe_drift(drift)
        if finding.is_repaired:
            line = f'{line}; repaired'
        if drift.advice:
            line = f'{line}. {drift.advice}'
        # Not print(): it would write into the progress bar.
        tqdm.tqdm.write(texts.printable(line))

    def finish(self, outdated: collections.Counter[str]) -> None:
        """Tell the counts."""
        self._outdated = outdated.total()
        if self._as_json:
            counts = {kind: outdated[kind] for kind in documents.KINDS}
            self._print(
                {
                    'summary': {
                        'found': self._found,
                        'repairable': self._repairable,
                        'repaired': self._repaired,
                        'indexed_by_an_earlier_release': counts,
                        'fix': self._fix,
                    }
                }
            )
            return
        for kind in documents.KINDS:
            if outdated[kind]:
                done = '; reindexed' if self._fix else ''
                print(
                    f'{kind}: {outdated[kind]} are indexed by an earlier'
                    f' release{done}'
                )
        print(self._summary())

    def _summary(self) -> str:
        if not self._found and not self._outdated:
            return 'Nothing is wrong.'
        if self._fix:
            return f'{self._found} found, {self._repaired} repaired.'
        return (
            f'{self._found} found; to repair {self._repairable} of them run:'
            f' {stores.PROG} doctor --fix'
        )

    def _print(self, found: dict[str, typing.Any]) -> None:
        print(json.dumps(found), flush=True)
