"""``openstack backup run restore``, ``run verify`` and ``backup restore``."""

import abc
import argparse
import collections.abc
import json
import sys
import time
import typing

import yaml
from osc_lib.command import command

from freezer_api.client import calls, cells, member_options, plans, runs

#: Seconds between two requests for the state of a restore. Agents look for
#: work once a minute, so more requests would not show more.
INTERVAL = 5
#: Output formats that show the API's answer unchanged: programs read it.
WHOLE_FORMATS = ('json', 'yaml')
COLUMNS = (
    'Job ID',
    'Restore job ID',
    'Client ID',
    'Status',
    'Result',
    'Session ID',
)


class _RestoreCommand(command.Lister):
    """Request a restore, show its plan or its jobs, and wait for its end if
    the user asks for that.
    """

    #: Options that become keys of the request, beside the common ones.
    body_keys: tuple[str, ...] = ()

    failed = False
    answer: cells.Body

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments of the command."""
        parser = super().get_parser(prog_name)
        self.add_subject(parser)
        _add_common_options(parser)
        _add_wait_options(parser)
        self.add_options(parser)
        return parser

    @abc.abstractmethod
    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that name what is restored."""

    @abc.abstractmethod
    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that only this command has."""

    @abc.abstractmethod
    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        """Return the path of the request."""

    def take_action(self, parsed_args: argparse.Namespace) -> cells.Table:
        """Request the restore; return columns and rows."""
        api = calls.Api(self.app.client_manager)
        self.answer = api.post(
            *self.path(parsed_args), body=self.body(parsed_args)
        )
        if parsed_args.dry_run:
            # Nothing was created: there is no session to wait for.
            self.answer = self.answer['plan']
            return plans.COLUMNS, plans.rows(self.answer)
        session = api.get(
            'sessions', self.answer['session_id'], patient=parsed_args.wait
        )
        if parsed_args.wait:
            session = self.wait(api, session, parsed_args.timeout)
        # produce_answer() shows it as it is after waiting.
        self.answer['session'] = session
        rows = [self.row(member, session) for member in self.answer['jobs']]
        return COLUMNS, rows

    def body(self, parsed_args: argparse.Namespace) -> cells.Body:
        """Make the request. Options that are not given are left out: the
        service knows the defaults.
        """
        body: cells.Body = {}
        for key in ('client_id', 'hold_off', 'dry_run', *self.body_keys):
            value = getattr(parsed_args, key)
            # False is a flag that is not given.
            if value is not None and value is not False:
                body[key] = value
        if parsed_args.new_session_id is not None:
            body['session_id'] = parsed_args.new_session_id
        if parsed_args.jobs:
            body['jobs'] = member_options.merge(parsed_args.jobs)
        return body

    def row(self, member: str, session: cells.Body) -> cells.Row:
        """Make the row of the job that restores a member."""
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

    def wait(
        self, api: calls.Api, session: cells.Body, timeout: int | None
    ) -> cells.Body:
        """Wait until the session has ended, at most ``timeout`` seconds, and
        print each change of a member; return the session as it is then.
        """
        deadline = None
        if timeout is not None:
            deadline = time.monotonic() + timeout
        printed: dict[str, str] = {}
        while True:
            self.print_changes(session, printed)
            if session['status'] == 'completed':
                self.failed = session['result'] != 'success'
                return session
            pause: float = INTERVAL
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    self.print_message(
                        f'Session {session["session_id"]} did not end within'
                        f' {timeout} seconds; it continues.'
                    )
                    self.failed = True
                    return session
                pause = min(INTERVAL, left)
            time.sleep(pause)
            session = api.get('sessions', session['session_id'], patient=True)

    def print_changes(
        self, session: cells.Body, printed: dict[str, str]
    ) -> None:
        """Print the progress of each member that is not as it was ``printed``
        last.
        """
        for member, job_id in self.answer['jobs'].items():
            # Somebody may have deleted the job, or taken it out.
            entry = session['jobs'].get(job_id, {'status': 'gone'})
            progress = cells.format_progress(entry) or 'waiting for its agent'
            if printed.get(member) != progress:
                printed[member] = progress
                client_id = entry.get('client_id', 'no client')
                self.print_message(f'{member} on {client_id}: {progress}')

    def print_message(self, text: str) -> None:
        """Print a message for people; standard output is for the result."""
        print(text, file=sys.stderr, flush=True)

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: collections.abc.Sequence[str],
        data: collections.abc.Iterable[collections.abc.Sequence[typing.Any]],
    ) -> int:
        """Write the result in the format that was asked for."""
        # With --column the user wants a part of the table, in any format.
        if parsed_args.formatter in WHOLE_FORMATS and not parsed_args.columns:
            return self.produce_answer(parsed_args)
        code = super().produce_output(parsed_args, column_names, data)
        if parsed_args.formatter == 'table':
            # Without --dry-run the plan is a part of the answer.
            plan = self.answer.get('plan', self.answer)
            for remark in plans.remarks(plan):
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
        """Run the command; return its exit code."""
        return super().run(parsed_args) or int(self.failed)


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on what is requested."""
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='Show what each agent would be told, and change nothing',
    )
    parser.add_argument(
        '--client',
        dest='client_id',
        metavar='<client>',
        help='ID of the client for all members (default: each on its own)',
    )
    parser.add_argument(
        '--job',
        dest='jobs',
        type=member_options.parse,
        action='append',
        default=[],
        metavar='<job>:<key>=<value>',
        help=(
            'Set a key for one member (can be repeated): client_id, path,'
            ' overwrite or skip (true or false). Any other key is set in the'
            ' action that its agent is told; the value null removes it there'
        ),
    )
    parser.add_argument(
        '--new-session-id',
        metavar='<session>',
        help='ID for the session that is created to restore',
    )
    parser.add_argument(
        '--hold-off',
        type=int,
        metavar='<seconds>',
        help='How long to wait for members that do not end (default: a day)',
    )


def _add_wait_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on waiting for the end."""
    parser.add_argument(
        '--wait',
        action='store_true',
        help='Wait for the end; the exit code is 1 unless all succeed',
    )
    parser.add_argument(
        '--timeout',
        type=int,
        metavar='<seconds>',
        help='With --wait: wait no longer than this; the exit code is 1 then',
    )


class Restore(_RestoreCommand):
    """Restore a run: by default in place, on the clients that made it"""

    body_keys = ('path_prefix', 'allow_incomplete')

    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that name the run."""
        runs.add_run_arguments(parser)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of a restore."""
        parser.add_argument(
            '--path-prefix',
            metavar='<path>',
            help='Folder below which everything is restored',
        )
        parser.add_argument(
            '--allow-incomplete',
            action='store_true',
            help=(
                'Restore the other members if some have failed or have no'
                ' backup'
            ),
        )

    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        """Return the path of the request."""
        return (*runs.run_path(parsed_args), 'restore')


class RestoreBackup(Restore):
    """Restore one backup: by default in place, on the client that made it"""

    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        """Add the argument that names the backup."""
        parser.add_argument(
            'backup_id', metavar='<backup>', help='ID of the backup'
        )

    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        """Return the path of the request."""
        return 'backups', parsed_args.backup_id, 'restore'


class Verify(_RestoreCommand):
    """Verify a run: agents read its archives, or restore and compare them"""

    body_keys = ('mode', 'path')

    def add_subject(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that name the run."""
        runs.add_run_arguments(parser)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of a verification."""
        parser.add_argument(
            '--mode',
            choices=('read', 'restore'),
            help=(
                'read (default): read the archives and write nothing;'
                ' restore: restore to folders below --path and compare'
                ' checksums'
            ),
        )
        parser.add_argument(
            '--path',
            metavar='<path>',
            help='With --mode restore: folder to restore to',
        )

    def path(self, parsed_args: argparse.Namespace) -> tuple[str, ...]:
        """Return the path of the request."""
        return (*runs.run_path(parsed_args), 'verify')
