"""An nginx of the tests' own before an Elasticsearch: it speaks TLS, and asks for credentials, as
an operator's does.
"""

import base64
import pathlib
import re
import subprocess
import urllib.parse

import requests

from tests.servers import process

USER, PASSWORD = 'freezer', 'secret'
#: The id and the secret of an API key; and both as a client sends them.
API_KEY = ('freezer-key', 'key-secret')
ENCODED_API_KEY = base64.b64encode(':'.join(API_KEY).encode()).decode()
#: What :class:`Proxy` can ask for.
NOTHING, BY_PASSWORD, BY_API_KEY = CREDENTIALS = ('nothing', 'password', 'API key')

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 1000; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_authorization $stranger {{
    default 1;
    "~^ApiKey {key}$" 0;
  }}
  upstream node {{
    server {upstream};
    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port}{ssl};
    location / {{
      {check}
      proxy_pass http://node;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "";
      proxy_read_timeout 300;
    }}
  }}
}}
"""
TLS = """ ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key}"""
CHECKS = {
    NOTHING: '',
    BY_PASSWORD: 'auth_basic Elasticsearch; auth_basic_user_file {folder}/users;',
    BY_API_KEY: 'if ($stranger) {{ return 401; }}',
}
EXTENSIONS = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
#: This machine as its own programs call it.
LOOPBACK = 'DNS:localhost,IP:127.0.0.1'


class Authority:
    """A certificate authority in a folder, which must be there; ``certificate`` is the file that
    clients trust.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.certificate = folder / 'ca.pem'
        self._key = folder / 'ca.key'
        self._allow(LOOPBACK)
        self._openssl(
            'req',
            '-x509',
            '-config',
            'extensions',
            '-extensions',
            'authority',
            '-subj',
            '/CN=Authority of a test',
            '-days',
            '2',
            *self._new_key(self._key),
            '-out',
            str(self.certificate),
        )

    def issue(self, names: str = LOOPBACK) -> tuple[pathlib.Path, pathlib.Path]:
        """A certificate of some names, as OpenSSL writes them, and its key: the authority's last
        one.
        """
        self._allow(names)
        certificate, key = self.folder / 'server.pem', self.folder / 'server.key'
        self._openssl(
            'req',
            '-new',
            '-config',
            'extensions',
            '-subj',
            '/CN=localhost',
            *self._new_key(key),
            '-out',
            'server.csr',
        )
        self._openssl(
            'x509',
            '-req',
            '-in',
            'server.csr',
            '-CA',
            str(self.certificate),
            '-CAkey',
            str(self._key),
            '-CAcreateserial',
            '-days',
            '2',
            '-extfile',
            'extensions',
            '-extensions',
            'server',
            '-out',
            str(certificate),
        )
        return certificate, key

    def _allow(self, names: str) -> None:
        """Have the next certificates say some names."""
        (self.folder / 'extensions').write_text(EXTENSIONS.format(names=names))

    @staticmethod
    def _new_key(file: pathlib.Path) -> tuple[str, ...]:
        return (
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:prime256v1',
            '-nodes',
            '-keyout',
            str(file),
        )

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(
            (process.program('openssl', package='openssl'), *arguments),
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise process.ServerFailed(
                f'openssl {" ".join(arguments)}: exit {done.returncode}\n{done.stdout[-4000:]}'
            )


class Proxy(process.Server):
    """Starts when made, before the server of the address ``upstream``; :meth:`stop` removes it."""

    def __init__(self, upstream: str, asks_for: str = NOTHING, tls: bool = True):
        self._process = process.Process('nginx')
        self._upstream = urllib.parse.urlsplit(upstream).netloc
        self._port = process.free_port()
        self.url = f'{"https" if tls else "http"}://localhost:{self._port}'
        #: What clients trust; None without TLS.
        self.ca_certs: str | None = None
        self._tls = ''
        try:
            if tls:
                authority = Authority(self._process.folder)
                certificate, key = authority.issue()
                self.ca_certs = str(authority.certificate)
                self._tls = TLS.format(certificate=certificate, key=key)
            (self._process.folder / 'users').write_text(f'{USER}:{{PLAIN}}{PASSWORD}\n')
            self.ask_for(asks_for)
        except BaseException:
            self.stop()
            raise

    def ask_for(self, credentials: str) -> None:
        """Restart it so that it asks for one of :data:`CREDENTIALS`: whoever has none, or others,
        is answered 401.
        """
        self.halt()
        folder = self._process.folder
        (folder / 'nginx.conf').write_text(
            CONFIGURATION.format(
                folder=folder,
                upstream=self._upstream,
                port=self._port,
                ssl=self._tls,
                key=re.escape(ENCODED_API_KEY),
                check=CHECKS[credentials].format(folder=folder),
            )
        )
        self.start()

    def start(self) -> None:
        """Start it as it was, and wait until it answers."""
        self._process.spawn(
            process.program('nginx', package='nginx'),
            '-c',
            str(self._process.folder / 'nginx.conf'),
            '-p',
            str(self._process.folder),
            '-e',
            'stderr',
            ready=self._answers,
        )

    def _answers(self) -> None:
        requests.get(self.url, verify=self.ca_certs or True, timeout=process.ANSWER_SECONDS)

    def stop(self) -> None:
        """End it for good."""
        self._process.halt()
        self._process.stop()
