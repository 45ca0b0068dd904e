"""How Sphinx builds the documentation."""

project = 'freezer-api'
copyright = 'freezer-api contributors'
extensions = ['openstackdocstheme']
openstackdocs_auto_name = False
html_theme = 'openstackdocs'
