"""A browser on Horizon, with its cookies, and what Horizon has for it. Django has to be set up
before this is imported.
"""

import importlib
import json
import sys
import typing

import django.test
import django.urls
import freezer_ui.api.api
import freezer_ui.jobs.tables
import freezer_ui.jobs.urls
import horizon
import horizon.tables
import pages
from django.contrib import messages

HOST = 'dashboard.example'


class ActionsInJob(horizon.tables.DataTableView):
    """The plugin's table of a job's actions, for which the plugin itself has no page."""

    table_class = freezer_ui.jobs.tables.ActionsTable
    template_name = 'project/freezer-jobs/index.html'

    def get_data(self):
        """The rows."""
        return freezer_ui.api.api.Job(self.request).actions(self.kwargs['job_id'])


freezer_ui.jobs.urls.urlpatterns.append(
    django.urls.re_path('^(?P<job_id>[^/]+)/actions/$', ActionsInJob.as_view(), name='actions')
)


def inventory() -> dict:
    """What there is to exercise, by panel: the names of its URLs, and the buttons and links of its
    tables.

    Horizon knows its panels once it has answered anything.
    """
    found: dict = {}
    for panel in horizon.get_dashboard('project').get_panels():
        package, _, rest = type(panel).__module__.partition('.')
        if package == 'freezer_ui':
            urls = importlib.import_module(f'freezer_ui.{rest.partition(".")[0]}.urls')
            found[panel.slug] = {
                'urls': [pattern.name for pattern in urls.urlpatterns],
                'actions': sorted(_actions(f'freezer_ui.{rest.partition(".")[0]}')),
            }
    return found


def _actions(package: str) -> typing.Iterator[tuple[str, str]]:
    try:
        module = importlib.import_module(f'{package}.tables')
    except ModuleNotFoundError:
        return
    for table in vars(module).values():
        if isinstance(table, type) and issubclass(table, horizon.tables.DataTable):
            yield from (
                (table._meta.name, action.name)
                for action in (*table._meta.row_actions, *table._meta.table_actions)
            )


class Browser:
    """One user's browser, with its cookies."""

    def __init__(self):
        self.client = django.test.Client(
            enforce_csrf_checks=True, HTTP_HOST=HOST, raise_request_exception=False
        )

    def send(
        self, path: str, data: list | None = None, ajax: bool = False, referer: str = ''
    ) -> dict:
        """Ask for a page, or send a form's fields to it."""
        headers = {'HTTP_X_REQUESTED_WITH': 'XMLHttpRequest'} if ajax else {}
        if referer:
            headers['HTTP_REFERER'] = f'http://{HOST}{referer}'
        if data is None:
            answer = self.client.get(path, **headers)
        else:
            fields: dict = {}
            for name, value in data:
                fields.setdefault(name, []).append(value)
            answer = self.client.post(path, fields, **headers)
        return self._seen(answer)

    def _seen(self, answer) -> dict:
        said = [
            [message.level_tag, str(message)]
            for message in messages.get_messages(answer.wsgi_request)
        ]
        said += [
            [kind, text] for kind, text, _ in json.loads(answer.get('X-Horizon-Messages', '[]'))
        ]
        # They have been read.
        self.client.cookies.pop('messages', None)
        seen = {
            'status': answer.status_code,
            'messages': said,
            'location': answer.get('Location') or answer.get('X-Horizon-Location') or '',
            'view': answer.resolver_match.view_name if answer.resolver_match else '',
        }
        content = answer.content.decode()
        if 'json' in answer.get('Content-Type', ''):
            return {**seen, 'json': json.loads(content)}
        return {**seen, **pages.read(content)}


def main() -> None:
    """Answer requests until there are no more."""
    browser = Browser()
    for line in sys.stdin:
        asked = json.loads(line)
        kind = asked.pop('kind')
        if kind == 'open':
            browser = Browser()
        found = (
            browser.send(**asked) if kind == 'send' else inventory() if kind == 'inventory' else {}
        )
        print(json.dumps(found), flush=True)
