"""Hear every fact as a system that is not Tuntas: ``python read_events.py clients/programs.dinsos-kaltim.env``.

Prints one line of JSON per fact that is new. Needs nothing of Tuntas, only ``pip install confluent-kafka``.
"""

import json
import sys
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

lines = Path(sys.argv[1]).read_text().splitlines()
env = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
root, ca_file = env["TUNTAS_TOPIC_ROOT"], env.get("TUNTAS_KAFKA_CA_FILE")
consumer = Consumer(
    {
        "bootstrap.servers": env["TUNTAS_KAFKA_BOOTSTRAP"],
        "security.protocol": "SASL_SSL" if ca_file else "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": env["TUNTAS_KAFKA_USERNAME"],
        "sasl.password": env["TUNTAS_KAFKA_PASSWORD"],
        **({"ssl.ca.location": ca_file} if ca_file else {}),
        "group.id": f"{root}.programs.{env['TUNTAS_AGENCY']}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([rf"^{root}\.[a-z]+\.[a-z0-9-]+$"])
last: dict[tuple[str, bytes | None], int] = {}  # Keep it where you keep what you learn, in the same transaction.
try:
    while True:
        record: Any = consumer.poll(1.0)
        if record is None or record.error():
            continue
        try:
            headers = {name: value.decode() for name, value in record.headers() or []}
            place, number = (record.topic(), record.key()), int(headers.get("ce_sequence", 0))
            said = {"type": headers["ce_type"], "source": headers["ce_source"], "subject": headers["ce_subject"]}
            said |= {"time": headers["ce_time"], "data": json.loads(record.value())}
        except (KeyError, ValueError, TypeError) as wrong:
            # Somebody else's mistake must not stop us: look at it, and tell its announcer.
            print(f"{record.topic()}/{record.partition()}@{record.offset()}: {wrong!r}", file=sys.stderr)
            continue
        # Whoever does not number leaves it to the offset, which we have not seen before.
        if number == 0 or number > last.get(place, 0):
            last[place] = number
            print(json.dumps(said), flush=True)
        consumer.commit(message=record, asynchronous=False)
except KeyboardInterrupt:
    consumer.close()
