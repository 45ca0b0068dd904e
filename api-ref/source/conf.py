"""How Sphinx builds the API reference."""

import importlib.metadata

from os_api_ref.http_codes import HTTPResponseCodeDirective

project = 'Backup API'
copyright = 'freezer-api contributors'
# That of the installed package, as its programs tell it.
version = release = importlib.metadata.version('freezer-api')
extensions = ['openstackdocstheme', 'os_api_ref']
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_repo_name = 'openstack/freezer-api'
html_theme = 'openstackdocs'
html_theme_options = {'sidebar_mode': 'toc'}
# The answer to a body that isn't JSON; os-api-ref knows the registered codes
# alone.
HTTPResponseCodeDirective.CODES[753] = 'Syntax Error'
