"""What a user finds on a page of Horizon's: messages, tables, buttons, forms with what they hold
already.
"""

import collections.abc
import html.parser
import re

VOID = frozenset(
    (
        'area',
        'base',
        'br',
        'col',
        'embed',
        'hr',
        'img',
        'input',
        'link',
        'meta',
        'source',
        'track',
        'wbr',
    )
)
#: The id of a button or link: of a table as a whole or of one row of it.
ACTION = re.compile(r'(?P<table>[a-z_]+?)__(?:row_(?P<row>.+)__)?action_(?P<action>[a-z_]+)')
ALERTS = {
    'alert-success': 'success',
    'alert-danger': 'error',
    'alert-warning': 'warning',
    'alert-info': 'info',
}


class Element:
    """An element of a page and what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str]):
        self.tag, self.attributes = tag, attributes
        self.inside: list = []

    def find(self, *tags: str) -> collections.abc.Iterator['Element']:
        """The elements of these tags in it, at any depth, in order."""
        for child in self.inside:
            if isinstance(child, Element):
                if child.tag in tags:
                    yield child
                yield from child.find(*tags)

    @property
    def text(self) -> str:
        """Its words as they are read."""
        return ' '.join(
            ' '.join(
                child if isinstance(child, str) else child.text for child in self.inside
            ).split()
        )


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = [Element('', {})]

    def handle_starttag(self, tag, attributes):
        element = Element(tag, {name: value or '' for name, value in attributes})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        if any(element.tag == tag for element in self.open):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data):
        if self.open[-1].tag not in ('script', 'style'):
            self.open[-1].inside.append(data)


def read(content: str) -> dict:
    """What is on a page: ``alerts``, ``actions``, ``rows``, ``forms``, ``details``, ``text``."""
    reader = _Reader()
    reader.feed(content)
    page = reader.open[0]
    return {
        'alerts': [list(alert) for alert in _alerts(page)],
        'actions': list(_actions(page)),
        'rows': _rows(page),
        'forms': [_form(form) for form in page.find('form')],
        'details': list(_details(page)),
        'text': page.text,
    }


def _alerts(page: Element) -> collections.abc.Iterator[tuple[str, str]]:
    for element in page.find('div'):
        for word in element.attributes.get('class', '').split():
            if word in ALERTS and 'alert-dismissable' in element.attributes['class']:
                yield ALERTS[word], element.text


def _actions(page: Element) -> collections.abc.Iterator[dict]:
    """Buttons and links, each with the form that it belongs to and what it sends there, or where it
    leads.
    """
    for form in page.find('form'):
        for element in form.find('a', 'button'):
            found = ACTION.fullmatch(element.attributes.get('id', ''))
            if found:
                yield {
                    **found.groupdict(),
                    'link': element.attributes.get('href', ''),
                    'value': element.attributes.get('value', ''),
                    'form': form.attributes.get('action', ''),
                }


def _rows(page: Element) -> dict[str, list[str]]:
    """The cells of each row of a table, by the id of what the row shows."""
    return {
        row.attributes['data-object-id']: [cell.text for cell in row.find('td')]
        for row in page.find('tr')
        if 'data-object-id' in row.attributes
    }


def _details(page: Element) -> collections.abc.Iterator[list[str]]:
    """The pairs of a name and what it says, on a page that shows one thing."""
    for entry in page.find('dl'):
        words = list(entry.find('dt', 'dd'))
        yield from (
            [term.text, said.text]
            for term, said in zip(words, words[1:])
            if (term.tag, said.tag) == ('dt', 'dd')
        )


def _form(form: Element) -> dict:
    """Where a form is sent, what a browser sends when nothing is changed, and what can be
    chosen.
    """
    fields, choices = [], {}
    for element in form.find('input', 'select', 'textarea'):
        name, kind = element.attributes.get('name'), element.attributes.get('type', 'text')
        if not name or kind == 'submit':
            continue
        if element.tag == 'select':
            options = list(element.find('option'))
            choices[name] = [
                [option.attributes.get('value', ''), option.text] for option in options
            ]
            taken = [option for option in options if 'selected' in option.attributes]
            fields += [
                [name, option.attributes.get('value', '')]
                for option in taken or ([] if 'multiple' in element.attributes else options[:1])
            ]
        elif kind == 'radio':
            choices.setdefault(name, []).append([element.attributes.get('value', ''), ''])
        elif element.tag == 'textarea':
            fields.append([name, element.text])
        elif kind != 'checkbox' or 'checked' in element.attributes:
            fields.append(
                [name, element.attributes.get('value', '' if kind != 'checkbox' else 'on')]
            )
    errors = [
        element.text
        for element in form.find('span', 'div', 'p', 'li')
        if {'error', 'alert-danger'} & set(element.attributes.get('class', '').split())
        or {'help-block', 'alert'} <= set(element.attributes.get('class', '').split())
    ]
    return {
        'action': form.attributes.get('action', ''),
        'fields': fields,
        'choices': choices,
        'errors': errors,
    }
