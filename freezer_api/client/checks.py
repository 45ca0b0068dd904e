"""``openstack backup job check``."""

import argparse
import json

from osc_lib import exceptions
from osc_lib.command import command

from freezer_api.client import calls, cells

#: The effect of a problem that does no harm: agents run the job without the
#: key.
HARMLESS = 'ignored'
KEYS = ('action', 'key', 'code', 'agents', 'effect', 'text')
COLUMNS = ('Action', 'Key', 'Code', 'Agents', 'Effect', 'Text')


class Check(command.Lister):
    """Check a job: report what agents of each version would not understand

    The exit code is 1 if there is a problem other than keys that agents
    ignore.
    """

    has_harmful_problem = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments of the command."""
        parser = super().get_parser(prog_name)
        subject = parser.add_mutually_exclusive_group(required=True)
        subject.add_argument(
            'job_id', nargs='?', metavar='<job>', help='ID of a stored job'
        )
        subject.add_argument(
            '--file',
            metavar='<file>',
            help='JSON file with a job to check; the job is not created',
        )
        parser.add_argument(
            '--client',
            '-C',
            dest='client_id',
            metavar='<client>',
            help='ID of the client that the job in the file is for',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> cells.Table:
        """Check the job; return columns and rows."""
        api = calls.Api(self.app.client_manager)
        if parsed_args.file is None:
            answer = api.get('jobs', parsed_args.job_id, 'check')
        else:
            # As a dry run the service checks it and does not store it.
            body = _read_job(parsed_args.file)
            if parsed_args.client_id:
                body['client_id'] = parsed_args.client_id
            answer = api.post('jobs', body=body, dry_run='true')
        rows = []
        for problem in answer['problems']:
            if problem.get('effect') != HARMLESS:
                self.has_harmful_problem = True
            rows.append(tuple(problem.get(key, '') for key in KEYS))
        return COLUMNS, rows

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; return its exit code."""
        return super().run(parsed_args) or int(self.has_harmful_problem)


def _read_job(path: str) -> cells.Body:
    try:
        with open(path, encoding='utf-8') as file:
            body = json.load(file)
    except (OSError, ValueError) as error:
        raise exceptions.CommandError(f'{path}: {error}') from None
    if not isinstance(body, dict):
        raise exceptions.CommandError(f'{path}: must contain a JSON object')
    return body
