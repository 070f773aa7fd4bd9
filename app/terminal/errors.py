"""What can be wrong with a command, before a model is asked and after it has answered.

Refused      the command cannot be carried out as it is: an option, or what is to be read
Unwritable   there is an answer, and no place for it
"""


class Refused(Exception):
    """The command cannot be carried out as it is; the message says what to do."""


class Unwritable(Exception):
    """The system refused to take the answer: the disk is full, say; the message is its reason."""
