"""`python -m local.stack [NAME]`: keep a stack open until Ctrl-C, and say where it is and how to sign in."""

from __future__ import annotations

import contextlib
import signal
import sys

from local.stack import Stack, StackError, state_folder


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else "dev"
    try:
        with Stack(state_folder() / name, say=print) as stack, contextlib.suppress(KeyboardInterrupt):
            print(stack.addresses.summary())
            print("TUNTAS_KAFKA=" + stack.kafka_bootstrap)
            print("TUNTAS_KAFKA_ADMIN=" + ":".join(stack.kafka_admin))
            print("TUNTAS_DATABASE_ADMIN_DSN=" + stack.postgres_admin_dsn, flush=True)
            signal.pause()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
