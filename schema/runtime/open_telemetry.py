"""The one door to OpenTelemetry: spans whose ids we know, sent in batches by a thread of its own.

Imported only where TRACES_SHARE is more than 0.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextvars import copy_context

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from schema.runtime.outage import Outage
from schema.runtime.trace_settings import TraceSettings
from schema.runtime.version import version

_MOST_WAITING = 20_000
"""Spans that wait for the collector; beyond, the oldest are dropped."""
_KINDS = {"POST": SpanKind.CLIENT, "event": SpanKind.PRODUCER, "row": SpanKind.CONSUMER}


class Spans:
    """Takes spans at once, and sends them later. Of a collector that is away nobody learns but the log, once.

    Args:
        settings: where to.
        service: `runs`, `sender` or `ingest`.
    """

    def __init__(self, settings: TraceSettings, service: str) -> None:
        self._ids = _NextIds()
        resource = {
            "service.namespace": "newar",
            "service.name": f"newar-{service}",
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
            "service.version": version() or "unknown",
        }
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource.create(resource), shutdown_on_exit=False, id_generator=self._ids
        )
        exporter = _ToldOnce(OTLPSpanExporter(endpoint=settings.traces_url, headers=settings.traces_headers))
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_MOST_WAITING))
        self._tracer = self._provider.get_tracer("newar")

    def add(
        self,
        name: str,
        ids: tuple[int, int, int | None],
        times_ns: tuple[int, int],
        about: Mapping[str, str | int],
        *,
        failed: bool = False,
    ) -> None:
        """Take a span that has ended. `ids`: of the trace, the span and its parent, None for the first of a trace."""
        trace_id, self._ids.span_id, parent_id = ids
        self._ids.trace_id = trace_id
        parent = SpanContext(trace_id, parent_id or 0, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        began_ns, ended_ns = times_ns
        span = self._tracer.start_span(
            name,
            set_span_in_context(NonRecordingSpan(parent)),
            _KINDS.get(name, SpanKind.INTERNAL),
            about,
            start_time=began_ns,
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(ended_ns)

    def close(self) -> None:
        """Send what waits. Blocks for half a minute at most."""
        self._provider.shutdown()


class _NextIds(IdGenerator):
    """Hands the SDK the ids of the span that is about to be made. Spans are made in one thread."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _ToldOnce(SpanExporter):
    """Sends through the library's exporter, and says once of an outage what that would say at every try."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self._outage = Outage("collector of traces")
        self._context = copy_context()  # our log lines are bound to the service, and the thread is the library's
        self._words = _LastWords()
        self._logger = logging.getLogger("opentelemetry.exporter")
        self._logger.propagate = False
        self._logger.addHandler(self._words)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        now_s = time.monotonic()
        if result is SpanExportResult.SUCCESS:
            self._context.run(self._outage.recovered, now_s)
        else:
            self._context.run(self._outage.failed, ConnectionError(self._words.last), now_s)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
        self._logger.removeHandler(self._words)


class _LastWords(logging.Handler):
    """Keeps what the library said last."""

    last = "spans were not taken"

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()
