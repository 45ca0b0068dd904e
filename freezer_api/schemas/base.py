"""The words that schemas are written in, and their compilation to checks whose
messages the caller understands.

Every leaf of a schema has a ``description`` that completes the sentence "it
must be …": one text for errors and reference.
"""

import collections.abc
import re
import typing

import fastjsonschema

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.documents import Body

MAX_INTEGER = 2**31 - 1
#: How many characters of a key that a caller sent a message repeats.
_SHOWN_OF_KEY = 64
Schema = dict[str, typing.Any]
#: Raises ``InvalidInput`` for a document that doesn't fit a schema.
Check = collections.abc.Callable[[Body], None]
#: Whether a string is in a format, by the format's name.
Formats = collections.abc.Mapping[str, collections.abc.Callable[[str], bool]]


def _id(pattern: re.Pattern[str], limit: int) -> Schema:
    return {
        'type': 'string',
        # fastjsonschema knows no \Z, and makes one of a $ at the end.
        'pattern': '^' + pattern.pattern.replace(r'\Z', '$'),
        'description': (
            f"an id: 1 to {limit} letters, digits, '_', '.' and '-'; the first"
            " must not be '.' or '-'"
        ),
    }


ID = _id(documents.ID, 255)
JOB_ID = _id(documents.JOB_ID, 246)
BOOLEAN: Schema = {'type': 'boolean', 'description': 'true or false'}


def text(limit: int) -> Schema:
    """Return the schema of a string of at most ``limit`` characters."""
    return {
        'type': 'string',
        'maxLength': limit,
        'description': f'a string of at most {limit:,} characters',
    }


def integer(low: int, high: int) -> Schema:
    """Return the schema of an integer from ``low`` to ``high``."""
    return {
        'type': 'integer',
        'minimum': low,
        'maximum': high,
        'description': f'an integer from {low} to {high}',
    }


def choice(
    values: collections.abc.Iterable[str], null: bool = False
) -> Schema:
    """Return the schema of one of some strings, or of null too."""
    allowed: list[str | None] = list(values)
    quoted = ', '.join(f"'{value}'" for value in allowed)
    if null:
        allowed.append(None)
    return {
        'enum': allowed,
        'description': f'one of {quoted}',
    }


def formatted(name: str, description: str) -> Schema:
    """Return the schema of a string in a format, which :func:`compile_check`
    is given.
    """
    return {
        'type': 'string',
        'format': name,
        'description': description,
    }


def array(items: Schema, most: int, description: str) -> Schema:
    """Return the schema of a list of at most ``most`` ``items``."""
    return {
        'type': 'array',
        'items': items,
        'maxItems': most,
        'description': f'a list of at most {most} {description}',
    }


def record(
    properties: dict[str, Schema],
    required: collections.abc.Sequence[str] = (),
    closed: bool = False,
) -> Schema:
    """Return the schema of an object; a ``closed`` one has no other keys than
    its properties.
    """
    schema: Schema = {
        'type': 'object',
        'properties': properties,
        'required': list(required),
        'description': 'an object',
    }
    if closed:
        schema['additionalProperties'] = False
    return schema


def titled(title: str, schema: Schema) -> Schema:
    """Return a schema with a name of its own: the description of the API has
    it once, and refers to it.
    """
    named = {'title': title, **schema}
    # The schema may have been made of another one, with its title.
    named['title'] = title
    return named


def whole(
    title: str,
    properties: dict[str, Schema],
    optional: collections.abc.Container[str] = (),
) -> Schema:
    """Return the titled schema of an object that has all its keys, but for
    some.
    """
    required = [key for key in properties if key not in optional]
    return titled(title, record(properties, required))


def or_null(schema: Schema) -> Schema:
    """Return the schema of what a schema describes, or of null."""
    if 'title' in schema or not schema.keys() & {'type', 'enum'}:
        return {'anyOf': [schema, {'type': 'null'}]}
    nullable = dict(schema)
    if 'enum' in schema:
        nullable['enum'] = list(dict.fromkeys((*schema['enum'], None)))
    if 'type' in schema:
        kinds = schema['type']
        if isinstance(kinds, str):
            kinds = [kinds]
        nullable['type'] = list(dict.fromkeys((*kinds, 'null')))
    return nullable


def compile_check(
    schema: Schema, prefix: str = '', formats: Formats | None = None
) -> Check:
    """Return the check of a document against a schema.

    Messages name the place of what is wrong, which begins with ``prefix``.
    """
    validate = fastjsonschema.compile(
        schema,
        formats=dict(formats or {}),
        # Defaults are filled in where documents are made.
        use_default=False,
    )

    def check(document: Body) -> None:
        try:
            validate(document)
        except fastjsonschema.JsonSchemaValueException as error:
            raise _invalid_input(error, prefix) from None

    return check


def check_depth(value: typing.Any, levels: int, place: str) -> None:
    """Raise ``InvalidInput`` for objects and lists nested deeper than
    ``levels``.

    They become a part of a document. That would be nested deeper than a body
    may be, and couldn't be sent back.
    """
    if _is_deeper(value, levels):
        raise invalid(place, f'must not be nested deeper than {levels} levels')


def known_keys(given: Body, schema: Schema) -> Body:
    """Return the keys of an object that a schema has."""
    return {key: given[key] for key in schema['properties'] if key in given}


def without_nulls(given: Body) -> Body:
    """Return the keys of an object that have a value, for a null stands for a
    key that is absent. A float that is a whole number becomes an integer.
    """
    plain: Body = {}
    for key, value in given.items():
        if value is None:
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        plain[key] = value
    return plain


def invalid(
    place: str, fault: str, code: str | None = None
) -> exceptions.InvalidInput:
    """Return the error that says what is wrong in which place of a body;
    ``fault`` begins with "must" where it can.
    """
    return exceptions.InvalidInput(f'{place}: {fault}.', code)


def _is_deeper(value: typing.Any, levels: int) -> bool:
    # Level by level, for recursion could be too deep for Python.
    level = [value]
    for _ in range(levels + 1):
        level = _containers(level)
        if not level:
            return False
        level = _elements(level)
    return True


def _containers(values: list[typing.Any]) -> list[typing.Any]:
    return [value for value in values if isinstance(value, (dict, list))]


def _elements(containers: list[typing.Any]) -> list[typing.Any]:
    elements: list[typing.Any] = []
    for container in containers:
        if isinstance(container, dict):
            elements.extend(container.values())
        else:
            elements.extend(container)
    return elements


def _invalid_input(
    error: fastjsonschema.JsonSchemaValueException, prefix: str
) -> exceptions.InvalidInput:
    """Return the error that says in the caller's terms what the validator has
    found.
    """
    # The validator's names begin with "data".
    name = str(error.name).removeprefix('data').removeprefix('.')
    place = prefix + name
    schema = error.definition
    if error.rule == 'required':
        # The validator names the object, not the key.
        for key in schema['required']:
            if key not in error.value:
                return invalid(_inside(place, key), 'is required')
    if error.rule == 'additionalProperties':
        for key in error.value:
            if key not in schema['properties']:
                shown = key[:_SHOWN_OF_KEY]
                return invalid(_inside(place, shown), 'unknown key')
    return invalid(place, f'must be {schema["description"]}')


def _inside(place: str, key: str) -> str:
    """Return the place of a key of an object. The place of a whole body is
    empty or a prefix that ends in a dot.
    """
    if not place or place.endswith('.'):
        return place + key
    return f'{place}.{key}'
