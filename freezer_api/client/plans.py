"""A plan as a table that a person can check, and what is to be known beside
it.
"""

import collections.abc
import typing

from freezer_api.client import cells

Body = dict[str, typing.Any]
COLUMNS = (
    'Job ID',
    'Client ID',
    'Backup ID',
    'Backed up',
    'The agent is told',
    'Sure',
    'Notes',
)


def rows(plan: Body) -> list[tuple[typing.Any, ...]]:
    """A row for each backup; the notes are the codes of warnings, and of
    problems of its job.
    """
    against: dict[str, list[str]] = {}
    for problem in plan['problems']:
        against.setdefault(problem['job_id'], []).append(problem['code'])
    return [
        (
            step['job_id'],
            step['client_id'],
            step['backup_id'],
            cells.Moment(step['time_stamp']),
            cells.Action(step['freezer_action']),
            step['sure'],
            cells.Lines(_notes(step, against.get(step['job_id'], []))),
        )
        for step in plan['steps']
    ]


def remarks(plan: Body) -> collections.abc.Iterator[str]:
    """A line for what stands against each job, then one for each kind of
    warning.
    """
    for problem in plan['problems']:
        place = f'{problem["job_id"]}: ' if problem['job_id'] else ''
        yield cells.safe(
            f'Problem: {place}{problem["code"]}: {problem["text"]}'
        )
    told = {
        warning['code']: warning['text']
        for step in plan['steps']
        for warning in step['warnings']
    }
    for code, text in told.items():
        yield cells.safe(f'Warning: {code}: {text}')
    if not plan['complete']:
        yield (
            'The plan is not complete: not every member that backs up is'
            ' in it.'
        )


def _notes(step: Body, against: list[str]) -> list[str]:
    codes = (*(warning['code'] for warning in step['warnings']), *against)
    return list(dict.fromkeys(codes))
