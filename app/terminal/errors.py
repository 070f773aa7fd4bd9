"""What can be wrong with a command, before any model is asked.

Refused   the command cannot be carried out as it is: an option, or what is to be read
"""


class Refused(Exception):
    """The command cannot be carried out as it is; the message says what to do."""
