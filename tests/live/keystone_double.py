"""A double of Keystone: the three answers that a published agent asks it for, and nothing of what
Keystone is about.

It serves tests of what agents do with files. Those that are about identity have the real one.
"""

import datetime
import http.server
import json
import threading
import typing

import fixtures

DAY = datetime.timedelta(days=1)


class KeystoneDouble(fixtures.Fixture):
    """It lets everybody in, to one project, and its catalogue has the API at ``backup_url``."""

    def __init__(self, project_id: str, backup_url: str):
        super().__init__()
        self.project_id, self.backup_url = project_id, backup_url
        self.url = ''

    def _setUp(self) -> None:
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), self._handler())
        self.url = f'http://127.0.0.1:{server.server_address[1]}'
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def options(self) -> dict[str, str]:
        """The options of an agent's configuration: any user will do."""
        return {
            'os_auth_url': f'{self.url}/v3',
            'os_username': 'anybody',
            'os_password': 'anything',
            'os_user_domain_id': 'default',
            'os_project_name': self.project_id,
            'os_project_domain_id': 'default',
            'os_backup_url': self.backup_url,
        }

    def answer(self, path: str) -> tuple[int, typing.Any]:
        """The status and the document for a request."""
        if path.startswith('/v3/auth/tokens'):
            return 201, self._token()
        if path.startswith('/v3'):
            link = {'rel': 'self', 'href': f'{self.url}/v3/'}
            return 200, {'version': {'id': 'v3.14', 'status': 'stable', 'links': [link]}}
        if path.startswith('/image'):
            link = {'rel': 'self', 'href': f'{self.url}/image/v2/'}
            return 300, {'versions': [{'id': 'v2.15', 'status': 'CURRENT', 'links': [link]}]}
        return 404, {}

    def _token(self) -> typing.Any:
        now = datetime.datetime.now(datetime.timezone.utc)
        places = {
            'backup': self.backup_url,
            'image': f'{self.url}/image',
            'identity': f'{self.url}/v3',
        }
        catalog = [
            {
                'type': kind,
                'name': kind,
                'id': kind,
                'endpoints': [
                    {
                        'id': kind,
                        'interface': 'public',
                        'region': 'one',
                        'region_id': 'one',
                        'url': url,
                    }
                ],
            }
            for kind, url in places.items()
        ]
        domain = {'id': 'default', 'name': 'Default'}
        return {
            'token': {
                'methods': ['password'],
                'roles': [{'id': 'member', 'name': 'member'}],
                'catalog': catalog,
                'issued_at': _time(now),
                'expires_at': _time(now + DAY),
                'user': {'id': 'anybody', 'name': 'anybody', 'domain': domain},
                'project': {'id': self.project_id, 'name': self.project_id, 'domain': domain},
            }
        }

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                status, document = double.answer(self.path)
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(body)))
                self.send_header('X-Subject-Token', 'token')
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, format: str, *arguments: typing.Any) -> None:
                pass

        return Handler


def _time(moment: datetime.datetime) -> str:
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')
