"""What nginx refuses of the words of directives that have a grammar of their own.

Each judge gets a directive's name, the words behind it and nginx's version, and gives nginx's
complaint, or None. What only the machine can tell (names to be resolved, files, users) is not
looked at here.
"""

from __future__ import annotations

from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.parameters import addresses, memory, others, replies
from seventh.lint.nginx.parameters.judging import Judge, Words


def unfit(name: str, words: Words, version: Version) -> str | None:
    """Return why nginx of this version refuses the words; None where it does not."""
    judge = JUDGES.get(name)
    return judge(name, words, version) if judge is not None and words else None


_HANDLED: dict[str, Judge] = {
    "pass": addresses.passes, "bind": addresses.binds, "cache_valid": memory.cache_valid,
    "cache_path": memory.cache_path, "store_access": others.dav_access,
}  # fmt: skip
"""Judges of what proxy, fastcgi, scgi and uwsgi all have."""
JUDGES: dict[str, Judge] = {
    "allow": addresses.access, "deny": addresses.access, "resolver": addresses.resolver,
    "server": addresses.upstream_server, "grpc_pass": addresses.passes,
    "memcached_pass": addresses.passes, "grpc_bind": addresses.binds,
    "memcached_bind": addresses.binds,
    "return": replies.returns, "rewrite": replies.rewrites, "error_page": replies.error_page,
    "try_files": replies.try_files, "expires": replies.expires,
    "limit_req": memory.limit_req, "limit_req_zone": memory.limit_zone,
    "limit_conn_zone": memory.limit_zone, "limit_conn": memory.limit_conn, "zone": memory.zone,
    "open_file_cache": memory.open_files, "open_log_file_cache": memory.open_files,
    "ssl_session_cache": memory.session_cache, "ssl_ocsp_cache": memory.ocsp_cache,
    "access_log": memory.access_log, "error_log": memory.error_log,
    "log_format": memory.log_format,
    "server_name": others.server_name, "keepalive_timeout": others.keepalive,
    "keepalive": others.group_keepalive, "hash": others.only("consistent", behind=1),
    "random": others.random, "set": others.defines, "auth_request_set": others.defines,
    "dav_access": others.dav_access, "root": others.document_root, "alias": others.document_root,
    "worker_priority": others.priority, "worker_cpu_affinity": others.affinity,
    "thread_pool": others.thread_pool, "aio": others.aio, "disable_symlinks": others.symlinks,
    "userid_mark": others.userid_mark, "valid_referers": others.referers,
    "fastcgi_split_path_info": others.split_path,
    **dict.fromkeys(("add_header", "add_trailer"), others.only("always", behind=2)),
    **dict.fromkeys(("fastcgi_param", "scgi_param", "uwsgi_param"),
                    others.only("if_not_empty", behind=2)),
    **dict.fromkeys(("proxy_redirect", "proxy_cookie_domain", "proxy_cookie_path",
                     "proxy_cookie_flags"), others.pair),
    **{f"{prefix}_{name}": judge for prefix in ("proxy", "fastcgi", "scgi", "uwsgi")
       for name, judge in _HANDLED.items()},
}  # fmt: skip
