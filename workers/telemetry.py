"""Spans of OpenTelemetry: only where its packages are installed (the extra `otel`) and its own variables say where to.

`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_TRACES_EXPORTER` switch it on; all else is said by the variables of its
specification, which the packages read themselves (opentelemetry.io, environment variable specification).
"""

from importlib import metadata

import structlog

from config.settings import environment_variable

log = structlog.get_logger()

#: Its own names of exporters, and those of the packages that hold them.
_PACKAGED = {"otlp": "otlp_proto_http", "otlp grpc": "otlp_proto_grpc"}


def set_up() -> bool:
    """Once a process, after the fork: what sends spans is a thread. Answers whether spans are sent from now on."""
    if not _is_wanted():
        return False
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("OpenTelemetry is not installed: pip install 'd365acs[otel]'.", action="spans_not_sent")
        return False
    name = _exporter()
    found = metadata.entry_points(group="opentelemetry_traces_exporter", name=name)
    if not found:
        log.warning("No package has this exporter of spans.", action="spans_not_sent", exporter=name)
        return False
    # A name of the environment, OTEL_SERVICE_NAME, goes before ours.
    resource = Resource.create({} if environment_variable("OTEL_SERVICE_NAME") else {"service.name": "d365acs"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(next(iter(found)).load()()))
    trace.set_tracer_provider(provider)
    return True


def _is_wanted() -> bool:
    if (environment_variable("OTEL_SDK_DISABLED") or "").lower() == "true":
        return False
    if environment_variable("OTEL_TRACES_EXPORTER") == "none":
        return False
    names = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return any(environment_variable(name) for name in names)


def _exporter() -> str:
    """The entry point of the exporter."""
    name = environment_variable("OTEL_TRACES_EXPORTER") or "otlp"
    protocols = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    if name == "otlp" and any(environment_variable(one) == "grpc" for one in protocols):
        name = "otlp grpc"
    return _PACKAGED.get(name, name)
