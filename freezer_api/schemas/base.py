"""The words that schemas are written in, and their compilation to checks whose
complaints the caller understands.

Every leaf of a schema has a ``description`` that completes the sentence "it
must be …": one text for errors and reference.
"""

import collections.abc
import typing

import fastjsonschema

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.documents import Body

MAX_INTEGER = 2**31 - 1
Schema = dict[str, typing.Any]
Check = collections.abc.Callable[[Body], None]
Formats = collections.abc.Mapping[str, collections.abc.Callable[[str], bool]]

ID: Schema = {
    'type': 'string',
    'pattern': '^' + documents.ID.pattern.replace(r'\Z', '$'),
    'description': (
        "an id: letters, digits, '_', '.' and '-', at most 255, the first no"
        " '.' or '-'"
    ),
}
BOOLEAN: Schema = {'type': 'boolean', 'description': 'true or false'}


def text(limit: int) -> Schema:
    """A string of at most ``limit`` characters."""
    return {
        'type': 'string',
        'maxLength': limit,
        'description': f'a text of at most {limit:,} characters',
    }


def integer(low: int, high: int) -> Schema:
    """An integer from ``low`` to ``high``."""
    return {
        'type': 'integer',
        'minimum': low,
        'maximum': high,
        'description': f'an integer from {low} to {high}',
    }


def choice(
    values: collections.abc.Iterable[str], null: bool = False
) -> Schema:
    """One of some strings, or null if that is allowed."""
    texts = [*values]
    named = ', '.join(text or 'the empty text' for text in texts)
    return {
        'enum': [*texts, None] if null else texts,
        'description': f'one of {named}',
    }


def formatted(name: str, description: str) -> Schema:
    """A string in a format that :func:`compiled` is told of."""
    return {'type': 'string', 'format': name, 'description': description}


def array(items: Schema, most: int, description: str) -> Schema:
    """A list of at most ``most`` ``items``."""
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
    """An object; a ``closed`` one has no other keys than its properties."""
    return {
        'type': 'object',
        'properties': properties,
        'required': [*required],
        'description': 'an object',
        **({'additionalProperties': False} if closed else {}),
    }


def compiled(
    schema: Schema, prefix: str = '', formats: Formats | None = None
) -> Check:
    """The check of a document against a schema; it raises ``InvalidInput``
    with the place, that begins with ``prefix``.
    """
    validate = fastjsonschema.compile(
        schema, formats=dict(formats or {}), use_default=False
    )

    def check(document: Body) -> None:
        try:
            validate(document)
        except fastjsonschema.JsonSchemaValueException as error:
            raise exceptions.InvalidInput(_complaint(error, prefix)) from None

    return check


def check_depth(value: typing.Any, levels: int, place: str) -> None:
    """Raise ``InvalidInput`` for objects and lists nested deeper than
    ``levels``.

    The document that they become a part of would be nested deeper than a body
    may be, and couldn't be sent back.
    """
    if _is_deeper(value, levels):
        raise exceptions.InvalidInput(
            f'{place}: is nested deeper than {levels} levels, for it becomes a'
            ' part of a document.'
        )


def present(given: Body) -> Body:
    """The keys of an object that have a value, for null stands for absent;
    whole numbers are integers.
    """
    return {
        key: (
            int(value)
            if isinstance(value, float) and value.is_integer()
            else value
        )
        for key, value in given.items()
        if value is not None
    }


def _is_deeper(value: typing.Any, levels: int) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        if not level:
            return False
        level = [
            element
            for here in level
            for element in (here.values() if isinstance(here, dict) else here)
            if isinstance(element, (dict, list))
        ]
    return bool(level)


def _complaint(
    error: fastjsonschema.JsonSchemaValueException, prefix: str
) -> str:
    place = prefix + str(error.name).removeprefix('data').removeprefix('.')
    if error.rule == 'required':
        missing = next(
            key
            for key in error.definition['required']
            if key not in error.value
        )
        return f'{_inside(place, missing)}: is required.'
    if error.rule == 'additionalProperties':
        unknown = next(
            key
            for key in error.value
            if key not in error.definition['properties']
        )
        return f'{_inside(place, unknown[:64])}: is not a known key here.'
    return f'{place}: must be {error.definition["description"]}.'


def _inside(place: str, key: str) -> str:
    return (
        f'{place}.{key}' if place and not place.endswith('.') else place + key
    )
