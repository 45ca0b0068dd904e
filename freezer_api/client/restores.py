"""``openstack backup run restore``, ``run verify`` and ``backup restore``."""

import abc
import argparse
import json
import sys
import time
import typing

import yaml
from osc_lib.command import command

from freezer_api.client import calls, cells, plans, runs, wishes

Body = dict[str, typing.Any]
#: Seconds between two looks at a restore that goes on; agents look for
#: something to do each minute.
INTERVAL = 5
#: Formats that show the API's answer as it is.
WHOLE = ('json', 'yaml')
COLUMNS = (
    'Job ID',
    'Restore job ID',
    'Client ID',
    'Status',
    'Result',
    'Session ID',
)


class _Restoring(command.Lister):
    """Ask for a restore, show its plan or its jobs, and wait for it if that is
    wanted.
    """

    failed = False
    answer: Body

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_subject(parser)
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='Only show what each agent would be told',
        )
        parser.add_argument(
            '--client',
            dest='client_id',
            metavar='<client>',
            help=(
                'The client that does it for all members (default: each its'
                ' own)'
            ),
        )
        parser.add_argument(
            '--job',
            dest='jobs',
            type=wishes.wish,
            action='append',
            default=[],
            metavar='<job>:<key>=<value>',
            help=(
                'What is wanted of one member: client_id, path, overwrite or'
                ' skip (true or false); any other key is set in what its agent'
                ' is told, and null takes it away (can be repeated)'
            ),
        )
        parser.add_argument(
            '--new-session-id',
            metavar='<session>',
            help='The id that the session gets which does it',
        )
        parser.add_argument(
            '--hold-off',
            type=int,
            metavar='<seconds>',
            help='How long members are waited for (default: a day)',
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='Wait until it has ended; ends with 1 unless all succeed',
        )
        parser.add_argument(
            '--timeout',
            type=int,
            metavar='<seconds>',
            help='Wait no longer than that, and end with 1 then',
        )
        self.add_options(parser)
        return parser

    @abc.abstractmethod
    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        """Add the words that name what is to be restored."""

    @abc.abstractmethod
    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that not all of these commands have."""

    @abc.abstractmethod
    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        """The path of the request."""

    #: Options that are keys of the request, beside those of all.
    keys: tuple[str, ...] = ()

    def take_action(self, parsed_args: argparse.Namespace) -> typing.Any:
        api = calls.Api(self.app.client_manager)
        self.answer = api.post(
            *self.path(parsed_args), body=self.body(parsed_args)
        )
        if parsed_args.dry_run:
            self.answer = self.answer['plan']
            return plans.COLUMNS, plans.rows(self.answer)
        session = api.get(
            'sessions', self.answer['session_id'], patient=parsed_args.wait
        )
        if parsed_args.wait:
            session = self.wait(api, session, parsed_args.timeout)
        self.answer['session'] = session
        return COLUMNS, [
            self.row(member, session) for member in self.answer['jobs']
        ]

    def body(self, parsed_args: argparse.Namespace) -> Body:
        """The request: what isn't given is left to the service."""
        keys = ('client_id', 'hold_off', 'dry_run', *self.keys)
        given = {key: getattr(parsed_args, key) for key in keys}
        given['session_id'] = parsed_args.new_session_id
        if parsed_args.jobs:
            given['jobs'] = wishes.together(parsed_args.jobs)
        return {
            key: value
            for key, value in given.items()
            if value is not None and value is not False
        }

    def row(self, member: str, session: Body) -> tuple[typing.Any, ...]:
        """The row of a member's job."""
        job_id = self.answer['jobs'][member]
        entry = session['jobs'].get(job_id, {})
        return (
            member,
            job_id,
            entry.get('client_id', ''),
            entry.get('status', ''),
            entry.get('result', ''),
            session['session_id'],
        )

    def wait(self, api: calls.Api, session: Body, timeout: int | None) -> Body:
        """The session when it has ended; meanwhile each change of a member is
        told.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        told: dict[str, str] = {}
        while True:
            self.tell(session, told)
            if session['status'] == 'completed':
                self.failed = session['result'] != 'success'
                return session
            if deadline is not None and time.monotonic() >= deadline:
                self.say(
                    f'Session {session["session_id"]} has not ended after'
                    f' {timeout} seconds; it goes on.'
                )
                self.failed = True
                return session
            left = (
                INTERVAL
                if deadline is None
                else max(deadline - time.monotonic(), 0)
            )
            time.sleep(min(INTERVAL, left))
            session = api.get('sessions', session['session_id'], patient=True)

    def tell(self, session: Body, told: dict[str, str]) -> None:
        """Tell of each member whose course isn't the one that was told
        last.
        """
        for member, job_id in self.answer['jobs'].items():
            entry = session['jobs'].get(job_id, {'status': 'gone'})
            now = cells.course(entry) or 'waiting for its agent'
            if told.get(member) != now:
                told[member] = now
                self.say(
                    f'{member} on {entry.get("client_id", "no client")}: {now}'
                )

    def say(self, text: str) -> None:
        """Tell people something that is no part of the output."""
        print(text, file=sys.stderr, flush=True)

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: typing.Any,
        data: typing.Any,
    ) -> int:
        if parsed_args.formatter in WHOLE and not parsed_args.columns:
            return self.produce_answer(parsed_args)
        code = super().produce_output(parsed_args, column_names, data)
        if parsed_args.formatter == 'table':
            for remark in plans.remarks(self.answer.get('plan', self.answer)):
                self.app.stdout.write(f'{remark}\n')
        return code

    def produce_answer(self, parsed_args: argparse.Namespace) -> int:
        """Write the plan, or the whole answer with the session as it is
        now.
        """
        if parsed_args.formatter == 'json':
            json.dump(self.answer, self.app.stdout, indent=2)
            self.app.stdout.write('\n')
        else:
            yaml.safe_dump(self.answer, self.app.stdout, sort_keys=False)
        return 0

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or int(self.failed)


class Restore(_Restoring):
    """Restore a run: where it came from, on the clients that made it, unless
    told otherwise
    """

    keys = ('path_prefix', 'allow_incomplete')

    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        runs.add_run(parser)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--path-prefix',
            metavar='<path>',
            help='A folder below which everything is restored',
        )
        parser.add_argument(
            '--allow-incomplete',
            action='store_true',
            help='Restore the rest where members failed or have no backup',
        )

    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        return _run(parsed_args, 'restore')


class RestoreBackup(Restore):
    """Restore one backup: where it came from, on the client that made it,
    unless told otherwise
    """

    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            'backup_id', metavar='<backup>', help='ID of the backup'
        )

    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        return 'backups', parsed_args.backup_id, 'restore'


class Verify(_Restoring):
    """Verify a run: have agents read its archives, or restore and compare
    them
    """

    keys = ('mode', 'path')

    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        runs.add_run(parser)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--mode',
            choices=('read', 'restore'),
            help=(
                'Read the archives and write nothing (default), or restore to '
                'folders below --path and compare checksums'
            ),
        )
        parser.add_argument(
            '--path', metavar='<path>', help='Where it is restored to'
        )

    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        return _run(parsed_args, 'verify')


def _run(parsed_args: argparse.Namespace, call: str) -> tuple[str, ...]:
    return (
        'sessions',
        parsed_args.session_id,
        'runs',
        str(parsed_args.session_tag),
        call,
    )
