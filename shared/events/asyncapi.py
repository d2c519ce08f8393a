"""AsyncAPI 3 of a service: what it sends and hears, on which channels, with which headers. For people and tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event, ServiceName, TopicKind
from shared.events.topics import AGENCY_CODE, PARTITIONS, ROOT_DEFAULT, profiles_root

_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_UUID = {"type": "string", "format": "uuid"}


def asyncapi_of(service: ServiceName, about: str, heard: Iterable[type[Event]], version: str) -> dict[str, Any]:
    """The document of a service that hears these events."""
    sent = [event for event in CONTRACTS.values() if event.announcer == service]
    received = sorted(set(heard), key=list(CONTRACTS.values()).index)
    channels = {channel_name(event): event for event in (*sent, *received)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Tuntas {service}", "version": version, "description": about, "license": _LICENSE},
        "defaultContentType": "application/json",
        "channels": {
            name: _channel(event, [each for each in (*sent, *received) if channel_name(each) == name])
            for name, event in channels.items()
        },
        "operations": {
            **{f"send-{name}": _operation("send", name, events) for name, events in _by_channel(sent)},
            **{f"receive-{name}": _operation("receive", name, events) for name, events in _by_channel(received)},
        },
        "components": {
            "messages": {event.__name__: _message(event) for event in (*sent, *received)},
            "messageTraits": {"fact": {"headers": _headers(True)}, "profile": {"headers": _headers(False)}},
        },
    }


def channel_name(event: type[Event]) -> str:
    return f"{event.announcer}-{event.kind}"


def address(service: str, kind: TopicKind) -> str:
    """The topic's name with the agency left open."""
    root = ROOT_DEFAULT if kind == "facts" else profiles_root(ROOT_DEFAULT)
    return f"{root}.{service}.{{agency}}"


def _by_channel(events: Iterable[type[Event]]) -> list[tuple[str, list[type[Event]]]]:
    grouped: dict[str, list[type[Event]]] = {}
    for event in events:
        grouped.setdefault(channel_name(event), []).append(event)
    return list(grouped.items())


def _channel(event: type[Event], events: list[type[Event]]) -> dict[str, Any]:
    kept = "kept for ever" if event.kind == "facts" else "compacted: the last profile of a household, until erased"
    return {
        "address": address(event.announcer, event.kind),
        "description": f"One topic per agency whose {event.announcer} announces; {kept}.",
        "parameters": {"agency": {"description": f"Code of the announcing agency ({AGENCY_CODE})."}},
        "messages": {each.__name__: {"$ref": f"#/components/messages/{each.__name__}"} for each in events},
        "bindings": {"kafka": {"partitions": PARTITIONS, "bindingVersion": "0.5.0"}},
    }


def _operation(action: str, channel: str, events: list[type[Event]]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{each.__name__}"} for each in events],
    }


def _message(event: type[Event]) -> dict[str, Any]:
    about = " ".join((event.__doc__ or "").split())
    return {
        "name": event.full_type(),
        "title": event.__name__,
        "summary": about,
        "contentType": "application/json",
        "traits": [{"$ref": f"#/components/messageTraits/{'fact' if event.kind == 'facts' else 'profile'}"}],
        "payload": {
            "schemaFormat": _SCHEMA_FORMAT,
            "schema": {"$ref": f"../../shared/events/schemas/{event.type}.json"},
        },
        "bindings": {
            "kafka": {
                "key": {**_UUID, "description": f"The UUID of the {event.subject_kind}: order holds per key."},
                "bindingVersion": "0.5.0",
            }
        },
        "examples": [{"headers": example_headers(event), "payload": event.example}],
    }


def _headers(is_fact: bool) -> dict[str, Any]:
    properties = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {**_UUID, "description": "UUIDv7, unique per event."},
        "ce_source": {"type": "string", "pattern": f"^/agencies/{AGENCY_CODE}/[a-z]+$"},
        "ce_type": {"type": "string", "description": "Which event it is; the only thing a reader dispatches on."},
        "ce_subject": {"type": "string", "description": "Kind and UUID of what it is about, e.g. household/…"},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it was announced (business time)."},
        "ce_dataschema": {"type": "string", "format": "uri"},
        "ce_correlationid": {**_UUID, "description": "Runs through everything that one action set off."},
        "ce_causationid": {**_UUID, "description": "The event that this one answers."},
        "traceparent": {"type": "string", "description": "W3C trace context."},
        "content-type": {"const": "application/json"},
    }
    if is_fact:
        properties["ce_sequence"] = {
            "type": "string",
            "pattern": "^[1-9][0-9]*$",
            "description": "1, 2, 3 … per source and key, without gaps.",
        }
    required = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"]
    return {"type": "object", "properties": properties, "required": required}


def example_headers(event: type[Event], agency: str = "dinsos-samarinda") -> dict[str, str]:
    """The headers of an event's example, as any client has to set them; part of the contract."""
    example = event.from_example()
    headers = {
        "ce_specversion": "1.0",
        "ce_id": "0192f1d0-7c11-7a10-8a00-00000000ffff",
        "ce_source": f"/agencies/{agency}/{event.announcer}",
        "ce_type": event.full_type(),
        "ce_subject": example.subject,
        "ce_time": "2023-03-10T02:00:00.000Z",
        "ce_dataschema": event.schema_urn(),
        "ce_correlationid": "0192f1d0-7c11-7a10-8a00-00000000fffe",
        "content-type": "application/json",
    }
    return headers | ({"ce_sequence": "1"} if event.kind == "facts" else {})


_LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
