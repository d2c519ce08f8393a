"""The laptop stack: real Apache Kafka and real PostgreSQL without Docker, without Java, without root.

`Stack` is all that most callers need; `python -m local.stack` keeps one open in a terminal.
"""

from local.stack.addresses import KafkaAddress, PostgresAddress, StackAddresses
from local.stack.processes import StackError
from local.stack.stack import Stack, state_folder

__all__ = ["KafkaAddress", "PostgresAddress", "Stack", "StackAddresses", "StackError", "state_folder"]
