"""What callers send for actions; jobs have them as entries."""

import re
import typing

from freezer_api.domain import actions
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

_WHAT = {
    key: base.choice(
        actions.CHOICES[actions.ALIASES.get(key, key)], null=key != 'action'
    )
    for key in (*actions.CHOICES, *actions.ALIASES)
}
#: A definition that is merged into another one.
PART = base.record(_WHAT)
#: What fills the gaps of definitions.
DEFAULTS = base.record(
    {**_WHAT, 'action': base.choice(actions.CHOICES['action'], null=True)}
)
DEFINITION = base.record(_WHAT, required=('action',))
RULES: dict[str, base.Schema] = {
    'max_retries': base.integer(0, base.MAX_INTEGER),
    'max_retries_interval': base.integer(0, base.MAX_INTEGER),
    'mandatory': base.BOOLEAN,
}
ACTION = base.record(
    {'action_id': base.ID, 'freezer_action': DEFINITION, **RULES},
    required=('freezer_action',),
)
PATCH = base.record({'freezer_action': PART, **RULES})
#: Levels of a definition: a job has it three levels down.
MAX_DEPTH = 61
_check = base.compiled(ACTION)
_check_patch = base.compiled(PATCH)
_FORM = {'true': True, 'on': True, 'false': False, 'off': False}


def action(body: Body) -> Body:
    """The keys of a request to create or replace an action, without nulls, or
    ``InvalidInput``.
    """
    given = _cleaned(body)
    if given.get('action_id') == '':
        del given['action_id']
    _check(given)
    return given


def patch(body: Body) -> Body:
    """The keys of a request to change an action, without nulls, or
    ``InvalidInput``.
    """
    given = _cleaned(body)
    given.pop('action_id', None)
    _check_patch(given)
    return given


def plain_rules(entry: Body) -> Body:
    """An entry whose rules are what the strings of a form stand for."""
    return {
        **entry,
        **{key: _plain(key, entry[key]) for key in RULES if key in entry},
    }


def _cleaned(body: Body) -> Body:
    entry = actions.normalize_entry(
        {key: body[key] for key in ACTION['properties'] if key in body}
    )
    given = base.present(plain_rules(entry))
    definition = given.get('freezer_action')
    base.check_depth(definition, MAX_DEPTH, 'freezer_action')
    # A null is a value in a definition, but an action must be one.
    if isinstance(definition, dict) and definition.get('action', '') is None:
        given['freezer_action'] = {
            key: value for key, value in definition.items() if key != 'action'
        }
    return given


def _plain(key: str, value: typing.Any) -> typing.Any:
    if not isinstance(value, str):
        return value
    if not value:
        # An empty field says nothing.
        return None
    if key == 'mandatory':
        return _FORM.get(value.lower(), value)
    return int(value) if re.fullmatch('[0-9]{1,10}', value) else value
