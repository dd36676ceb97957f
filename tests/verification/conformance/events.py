"""Reads every event from Kafka as a consumer in another language does: with the CloudEvents SDK and its JSON Schema.

The Rust services wrote the events; none of their code is used here.
"""

import argparse
import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from jsonschema import Draft202012Validator

# The script may run from a copy below the workspace.
ASYNCAPI = next(
    path for folder in Path(__file__).resolve().parents if (path := folder / "docs" / "asyncapi.json").exists()
)
# Topics with the `source` of their events.
TOPICS = {
    channel["address"]: "/" + channel["address"].removesuffix(".events")
    for channel in json.loads(ASYNCAPI.read_text())["channels"].values()
}
READING_S = 60
FETCHING_S = 10
FAULTS_SHOWN = 20

Schema = dict[str, Any]


class Schemas:
    """The committed schemas, each compared once with what its URL serves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.validators: dict[str, Draft202012Validator] = {}

    def names(self) -> set[str]:
        return {entry.name for entry in self.folder.iterdir() if entry.is_dir()}

    def validator(self, url: str) -> Draft202012Validator:
        if url not in self.validators:
            self.validators[url] = self._load(url)
        return self.validators[url]

    def _load(self, url: str) -> Draft202012Validator:
        event, release = url.rsplit("/", 2)[1:]
        committed: Schema = json.loads((self.folder / event / f"{release}.json").read_text())
        with urllib.request.urlopen(url, timeout=FETCHING_S) as answer:
            served: Schema = json.load(answer)
        if served != committed:
            raise ValueError(f"{url} serves another schema than the committed one")
        Draft202012Validator.check_schema(served)
        checker = Draft202012Validator.FORMAT_CHECKER
        # Without its validator package a format is silently not checked.
        assert {"date-time", "uuid"} <= checker.checkers.keys()
        return Draft202012Validator(served, format_checker=checker)


def messages(bootstrap: str, prefix: str) -> Iterator[Message]:
    """Everything that is in the topics now."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "conformance",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    })
    try:
        known = consumer.list_topics(timeout=FETCHING_S).topics
        partitions = [(prefix + topic, number) for topic in TOPICS for number in known[prefix + topic].partitions]
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in partitions])
        unread = set(partitions)
        deadline = time.monotonic() + READING_S
        while unread:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not read to their ends within {READING_S} s: {sorted(unread)}")
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is None:
                yield message
            elif message.error().code() == KafkaError._PARTITION_EOF:
                unread.discard((message.topic(), message.partition()))
            else:
                raise KafkaException(message.error())
    finally:
        consumer.close()


def parsed(message: Message) -> BaseCloudEvent:
    headers = dict(message.headers() or [])
    return from_binary(KafkaMessage(headers=headers, key=message.key(), value=message.value()), JSONFormat())


def check(event: BaseCloudEvent, topic: str, schemas: Schemas) -> str:
    """Fails unless the event is what its headers say; returns its name."""
    url = event.get_dataschema() or ""
    name = event.get_type().rsplit(".", 1)[-1]
    data = event.get_data()
    must_be_equal("source", event.get_source(), TOPICS[topic])
    must_be_equal("datacontenttype", event.get_datacontenttype(), "application/json")
    must_be_equal("event in dataschema", url.rsplit("/", 2)[1:2], [name])
    must_be_equal("record key", event.get_extension("partitionkey"), event.get_subject())
    must_be_equal("order_id in data", data["order_id"], event.get_subject())
    schemas.validator(url).validate(data)
    return name


def must_be_equal(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what} is {found!r}, not {expected!r}")


def read_all(bootstrap: str, prefix: str, schemas: Schemas) -> tuple[Counter[str], list[str]]:
    """How many events of each type are sound, and what is wrong with the others."""
    seen: Counter[str] = Counter()
    faults: list[str] = []
    for message in messages(bootstrap, prefix):
        try:
            seen[check(parsed(message), message.topic().removeprefix(prefix), schemas)] += 1
        except Exception as fault:  # Whatever the libraries complain about is a finding.
            place = f"{message.topic()}[{message.partition()}]@{message.offset()}"
            faults.append(f"{place}: {type(fault).__name__}: {fault}")
    return seen, faults


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bootstrap-servers", required=True)
    arguments.add_argument("--topic-prefix", default="")
    arguments.add_argument("--schemas", type=Path, required=True)
    options = arguments.parse_args()
    schemas = Schemas(options.schemas)
    seen, faults = read_all(options.bootstrap_servers, options.topic_prefix, schemas)
    faults += [f"no {name} was seen" for name in sorted(schemas.names() - seen.keys())]
    for name, times in sorted(seen.items()):
        print(f"  {times:>6}  {name}")
    for fault in faults[:FAULTS_SHOWN]:
        print(f"not conforming: {fault}")
    print(
        f"{seen.total()} events of {len(seen)} types parsed by cloudevents {version('cloudevents')}, "
        f"validated by jsonschema {version('jsonschema')}; {len(faults)} faults"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
