"""The plan of a restore: a table that a person can check, and the remarks
below it.
"""

import collections.abc

from freezer_api.client import cells

COLUMNS = (
    'Job ID',
    'Client ID',
    'Backup ID',
    'Backed up',
    'The agent is told',
    'Sure',
    'Notes',
)


def rows(plan: cells.Body) -> list[cells.Row]:
    """Make a row for each backup; its notes are the codes of its warnings and
    of its job's problems.
    """
    problems: dict[str, list[str]] = {}
    for problem in plan['problems']:
        problems.setdefault(problem['job_id'], []).append(problem['code'])
    made: list[cells.Row] = []
    for step in plan['steps']:
        warnings = [warning['code'] for warning in step['warnings']]
        codes = warnings + problems.get(step['job_id'], [])
        # Each code once, in their order.
        notes = list(dict.fromkeys(codes))
        made.append(
            (
                step['job_id'],
                step['client_id'],
                step['backup_id'],
                cells.Timestamp(step['time_stamp']),
                cells.Action(step['freezer_action']),
                step['sure'],
                cells.Lines(notes),
            )
        )
    return made


def remarks(plan: cells.Body) -> collections.abc.Iterator[str]:
    """List the problems, one line each, then each kind of warning once."""
    for problem in plan['problems']:
        text = f'{problem["code"]}: {problem["text"]}'
        # A problem of the whole run has no job.
        if problem['job_id']:
            text = f'{problem["job_id"]}: {text}'
        yield cells.escape(f'Problem: {text}')
    warnings = {
        warning['code']: warning['text']
        for step in plan['steps']
        for warning in step['warnings']
    }
    for code, text in warnings.items():
        yield cells.escape(f'Warning: {code}: {text}')
    if not plan['complete']:
        yield (
            'The plan is not complete: not every member that makes backups is'
            ' in it.'
        )
