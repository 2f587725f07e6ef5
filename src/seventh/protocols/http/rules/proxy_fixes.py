"""Fixes for Envoy and HAProxy: lines of the rules' ``fix``, by product and subject.

The first line of each is where it goes. Every line has been loaded by the real proxy
(tests/peers); braces are doubled, for these are templates.
"""

from __future__ import annotations

from collections.abc import Mapping

TEXTS = (
    "text/html text/css text/javascript text/plain text/xml application/javascript "
    "application/json application/xml image/svg+xml"
)
"""Media types worth compressing."""
ADD_HEADER = "# in server {{}}; repeat in each inner block that has its own add_header lines"
"""Where nginx's add_header goes: an inner block with one replaces those of the outer blocks."""
_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_ALT_SVC = (
    "response_headers_to_add: [{{ header: {{ key: alt-svc, value: 'h3=\":443\"; ma=86400' }} }}]"
)


def _compressor(library: str, kind: str, more: str = "") -> str:
    """Return Envoy's filter that compresses with ``library``."""
    return (
        f"# in http_filters, before the router\n- name: {library}\n"
        f'  typed_config:\n    "@type": {_EXTENSIONS}.filters.http.compressor.v3.Compressor\n'
        "    response_direction_config: {{ weaken_etag_on_compress: true }}\n"
        f"{more}"
        f"    compressor_library:\n      name: {library}\n      typed_config: {{{{ "
        f'"@type": {_EXTENSIONS}.compression.{library}.compressor.v3.{kind} }}}}'
    )


ENVOY: Mapping[str, str] = {
    "h2": "# in common_tls_context\nalpn_protocols: [h2, http/1.1]",
    "h3": "# in a second listener, with protocol: UDP in its socket_address\n"
    "udp_listener_config: {{ quic_options: {{}} }}   # transport_socket: "
    "envoy.transport_sockets.quic\n# in the second listener's HttpConnectionManager\n"
    f"codec_type: HTTP3\n# in virtual_hosts of the first\n{_ALT_SVC}",
    "h3 dead": "# in virtual_hosts, until UDP port 443 answers\nresponse_headers_to_add: [{{ "
    "header: {{ key: alt-svc, value: clear }}, append_action: OVERWRITE_IF_EXISTS_OR_ADD }}]",
    "h3 hidden": f"# in virtual_hosts\n{_ALT_SVC}",
    "reuse": "# in HttpConnectionManager, without max_requests_per_connection\n"
    "common_http_protocol_options: {{ idle_timeout: 3600s }}",
    "https": "# in routes, of the listener on port 80\n- match: {{ prefix: / }}\n"
    "  redirect: {{ https_redirect: true, response_code: PERMANENT_REDIRECT }}",
    "hsts": "# in virtual_hosts\nresponse_headers_to_add: [{{ header: "
    "{{ key: strict-transport-security, value: max-age=31536000 }} }}]",
    "100": "# in HttpConnectionManager; Envoy then sends 100 itself\nproxy_100_continue: false",
    "0-rtt": "# in QuicDownstreamTransport; or else the application answers 425 to Early-Data: 1\n"
    "enable_early_data: false",
    "two lengths": "# in HttpConnectionManager\n"
    "http_protocol_options: {{ allow_chunked_length: false }}",
    "settings": "# in HttpConnectionManager\nhttp2_protocol_options: {{ "
    "max_concurrent_streams: 100, initial_stream_window_size: 1048576, "
    "initial_connection_window_size: 4194304 }}",
    "quic idle": "# in udp_listener_config\n"
    "quic_options: {{ quic_protocol_options: {{ idle_network_timeout: 60s }} }}",
    "gzip": _compressor("gzip", "Gzip"),
    "br": _compressor("brotli", "Brotli", "    choose_first: true\n"),
    "waste": "# in the compressor's common_config; text types only\n"
    f"content_type: [{', '.join(TEXTS.split())}]",
    "validator": "# in the compressor's response_direction_config\nweaken_etag_on_compress: true",
    "events": "# in route; remove max_stream_duration, which would also end the stream\n"
    "timeout: 0s\nidle_timeout: 3600s",
}
HAPROXY: Mapping[str, str] = {
    "h3 dead": "# in frontend, until UDP port 443 answers\nhttp-response set-header alt-svc clear",
    "100": "# in frontend; HAProxy then sends 100 itself\noption http-buffer-request",
    "gzip": "# in backend\nfilter compression\ncompression algo gzip\n"
    f"compression type {TEXTS}\n"
    "# HAProxy adds Vary to compressed responses only\nhttp-response add-header Vary "
    "Accept-Encoding unless {{ res.hdr(Vary) -m sub -i accept-encoding }}",
    "waste": f"# in backend; text types only\ncompression type {TEXTS}",
    "vary": "# in backend\nhttp-response add-header Vary Accept-Encoding unless "
    "{{ res.hdr(Vary) -m sub -i accept-encoding }}",
    "leak": '# in backend\nhttp-response set-header Cache-Control "private, no-cache" if '
    "{{ res.hdr_cnt(Set-Cookie) gt 0 }}\n# for a cookie of HAProxy's own\n"
    "cookie SRV insert indirect nocache",
    "events": "# in backend\ntimeout server 1h",
}
