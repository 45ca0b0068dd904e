"""``openstack backup run list`` and ``show``."""

import argparse
import typing

from osc_lib.command import command

from freezer_api.client import calls, cells


class List(command.Lister):
    """List the runs of a session, newest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'session_id', metavar='<session>', help='ID of the session'
        )
        parser.add_argument(
            '--limit', type=int, metavar='<count>', help='How many at most'
        )
        parser.add_argument(
            '--marker',
            type=int,
            metavar='<tag>',
            help='Only runs that are older than the one with this tag',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> typing.Any:
        runs = calls.Api(self.app.client_manager).get(
            'sessions',
            parsed_args.session_id,
            'runs',
            limit=parsed_args.limit,
            marker=parsed_args.marker,
        )['runs']
        columns = (
            'Session tag',
            'Status',
            'Result',
            'Time start',
            'Time end',
            'Jobs',
        )
        return columns, [
            (
                run['session_tag'],
                run['status'],
                run['result'],
                cells.Moment(run['time_start']),
                cells.Moment(run['time_end']),
                len(run['jobs']),
            )
            for run in runs
        ]


class Show(command.ShowOne):
    """Show a run: its members, its backups, and what has been restored and
    verified of it
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_run(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> typing.Any:
        run = calls.Api(self.app.client_manager).get(
            'sessions',
            parsed_args.session_id,
            'runs',
            str(parsed_args.session_tag),
        )
        shown = {
            'Session ID': run['session_id'],
            'Session tag': run['session_tag'],
            'Status': run['status'],
            'Result': run['result'],
            'Time start': cells.Moment(run['time_start']),
            'Time end': cells.Moment(run['time_end']),
            **{
                name.replace('_', ' ').capitalize(): cells.Lines(run[name])
                for name in (
                    'jobs',
                    'backups',
                    'backup_statuses',
                    'restores',
                    'verifications',
                )
            },
        }
        return tuple(shown), tuple(shown.values())


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the words that name a run."""
    parser.add_argument(
        'session_id', metavar='<session>', help='ID of the session'
    )
    parser.add_argument(
        'session_tag', type=int, metavar='<tag>', help='Tag of the run'
    )
