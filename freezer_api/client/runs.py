"""``openstack backup run list`` and ``show``."""

import argparse

from osc_lib.command import command

from freezer_api.client import calls, cells


class List(command.Lister):
    """List the runs of a session, newest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments of the command."""
        parser = super().get_parser(prog_name)
        add_session_argument(parser)
        parser.add_argument(
            '--limit',
            type=int,
            metavar='<count>',
            help='Maximum number of runs to list',
        )
        parser.add_argument(
            '--marker',
            type=int,
            metavar='<tag>',
            help='List only runs older than the run with this tag',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> cells.Table:
        """Get the runs; return columns and rows."""
        api = calls.Api(self.app.client_manager)
        answer = api.get(
            'sessions',
            parsed_args.session_id,
            'runs',
            limit=parsed_args.limit,
            marker=parsed_args.marker,
        )
        columns = (
            'Session tag',
            'Status',
            'Result',
            'Time start',
            'Time end',
            'Jobs',
        )
        rows = [
            (
                run['session_tag'],
                run['status'],
                run['result'],
                cells.Timestamp(run['time_start']),
                cells.Timestamp(run['time_end']),
                len(run['jobs']),
            )
            for run in answer['runs']
        ]
        return columns, rows


class Show(command.ShowOne):
    """Show a run: its members, its backups, its restores and verifications"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments of the command."""
        parser = super().get_parser(prog_name)
        add_run_arguments(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], cells.Row]:
        """Get the run; return its fields and values."""
        api = calls.Api(self.app.client_manager)
        run = api.get(*run_path(parsed_args))
        # Programs read these names in JSON output: they must not change.
        shown = {
            'Session ID': run['session_id'],
            'Session tag': run['session_tag'],
            'Status': run['status'],
            'Result': run['result'],
            'Time start': cells.Timestamp(run['time_start']),
            'Time end': cells.Timestamp(run['time_end']),
            'Jobs': cells.Lines(run['jobs']),
            'Backups': cells.Lines(run['backups']),
            'Backup statuses': cells.Lines(run['backup_statuses']),
            'Restores': cells.Lines(run['restores']),
            'Verifications': cells.Lines(run['verifications']),
        }
        return tuple(shown), tuple(shown.values())


def add_session_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a session."""
    parser.add_argument(
        'session_id', metavar='<session>', help='ID of the session'
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a run."""
    add_session_argument(parser)
    parser.add_argument(
        'session_tag', type=int, metavar='<tag>', help='Tag of the run'
    )


def run_path(parsed_args: argparse.Namespace) -> tuple[str, ...]:
    """Return the path of the run that the arguments name."""
    tag = str(parsed_args.session_tag)
    return 'sessions', parsed_args.session_id, 'runs', tag
