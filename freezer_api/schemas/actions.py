"""What callers send for actions; jobs have them as entries."""

import re
import typing

from freezer_api.domain import actions, definitions
from freezer_api.domain.documents import Body
from freezer_api.schemas import base


def _choices(action_may_be_null: bool) -> dict[str, base.Schema]:
    """Return the schemas of the keys of a definition that say what a client
    must be capable of. All may be null, unless it has to name its action.
    """
    schemas: dict[str, base.Schema] = {}
    for key, values in definitions.CHOICES.items():
        may_be_null = key != 'action' or action_may_be_null
        schemas[key] = base.choice(values, may_be_null)
    for alias, key in definitions.ALIASES.items():
        schemas[alias] = schemas[key]
    return schemas


#: A definition that is merged into another one.
PART = base.record(_choices(action_may_be_null=False))
#: What fills the gaps of definitions.
DEFAULTS = base.record(_choices(action_may_be_null=True))
#: A definition.
DEFINITION = base.record(
    _choices(action_may_be_null=False), required=('action',)
)
#: The rules for running an action.
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
#: How many levels of objects and lists a definition may have: in a job it is
#: three levels down, and a body may have 64.
MAX_DEPTH = 61
_check = base.compile_check(ACTION)
_check_patch = base.compile_check(PATCH)
# What the strings of a form stand for.
_FORM_BOOLEANS = {'true': True, 'on': True, 'false': False, 'off': False}


def action(body: Body) -> Body:
    """Return the keys of a request to create or replace an action, without
    nulls; or raise ``InvalidInput``.
    """
    given = _clean(body)
    # Forms send an empty field for an id that the service is to choose.
    if given.get('action_id') == '':
        del given['action_id']
    _check(given)
    return given


def patch(body: Body) -> Body:
    """Return the keys of a request to change an action, without nulls; or
    raise ``InvalidInput``.
    """
    given = _clean(body)
    given.pop('action_id', None)
    _check_patch(given)
    return given


def plain_rules(entry: Body) -> Body:
    """Return an entry with the rules that the strings of a form stand for."""
    plain = dict(entry)
    for key in RULES:
        if key in plain:
            plain[key] = _plain_rule(key, plain[key])
    return plain


def _clean(body: Body) -> Body:
    known = base.known_keys(body, ACTION)
    entry = actions.normalize_entry(known)
    entry = plain_rules(entry)
    given = base.without_nulls(entry)
    definition = given.get('freezer_action')
    base.check_depth(definition, MAX_DEPTH, 'freezer_action')
    if not isinstance(definition, dict):
        return given
    # A null is a value in a definition, but it has to name its action.
    if 'action' in definition and definition['action'] is None:
        definition = dict(definition)
        del definition['action']
        given['freezer_action'] = definition
    return given


def _plain_rule(key: str, value: typing.Any) -> typing.Any:
    if not isinstance(value, str):
        return value
    if not value:
        # A field of a form that nobody filled in.
        return None
    if key == 'mandatory':
        return _FORM_BOOLEANS.get(value.lower(), value)
    if re.fullmatch('[0-9]{1,10}', value):
        return int(value)
    return value
