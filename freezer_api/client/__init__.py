"""Commands for people, ``openstack backup run …``: they stand beside those of
python-freezerclient.

They are of the extra ``client``, and know the service by its API alone;
nothing else imports them.
"""
