"""``openstack backup job check``."""

import argparse
import json
import typing

from osc_lib import exceptions
from osc_lib.command import command

from freezer_api.client import calls

#: An effect that harms nobody: agents go on without the key.
HARMLESS = 'ignored'


class Check(command.Lister):
    """Tell what agents would make of a job

    Ends with 1 if there is a problem other than keys that agents ignore.
    """

    harm = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            'job_id', nargs='?', metavar='<job>', help='ID of the job'
        )
        what.add_argument(
            '--file',
            metavar='<file>',
            help='A JSON file with a job that is to be made; it is not made',
        )
        parser.add_argument(
            '--client',
            '-C',
            dest='client_id',
            metavar='<client>',
            help='The client that the job of a file is for',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> typing.Any:
        api = calls.Api(self.app.client_manager)
        if parsed_args.file is None:
            answer = api.get('jobs', parsed_args.job_id, 'check')
        else:
            answer = api.post('jobs', body=_job(parsed_args), dry_run='true')
        problems = answer['problems']
        self.harm = any(
            problem.get('effect') != HARMLESS for problem in problems
        )
        keys = ('action', 'key', 'code', 'agents', 'effect', 'text')
        return tuple(map(str.capitalize, keys)), [
            tuple(problem.get(key, '') for key in keys) for problem in problems
        ]

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or int(self.harm)


def _job(parsed_args: argparse.Namespace) -> typing.Any:
    try:
        with open(parsed_args.file, encoding='utf-8') as file:
            body = json.load(file)
    except (OSError, ValueError) as error:
        raise exceptions.CommandError(f'{parsed_args.file}: {error}') from None
    if not isinstance(body, dict):
        raise exceptions.CommandError(f'{parsed_args.file}: is no JSON object')
    return {
        **body,
        **(
            {'client_id': parsed_args.client_id}
            if parsed_args.client_id
            else {}
        ),
    }
