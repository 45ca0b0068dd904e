"""Texts of others, as a line of a log may have them."""


def printable(value: object) -> str:
    """Return a text, or an error's message, without control characters and on
    one line: it may repeat what a caller, a database or Keystone has sent.
    """
    return ''.join(
        character if character.isprintable() else repr(character)[1:-1]
        for character in str(value)
    )
