"""How Sphinx builds the manual."""

import importlib.metadata
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / 'extensions'))

project = 'freezer-api'
copyright = 'freezer-api contributors'
# That of the installed package, as its programs tell it.
version = release = importlib.metadata.version(project)
extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'programs',
    'session_states',
]
openstackdocs_auto_name = False
openstackdocs_auto_version = False
html_theme = 'openstackdocs'
html_static_path = ['_static']
html_css_files = ['wide.css']
