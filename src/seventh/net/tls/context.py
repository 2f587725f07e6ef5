"""TLS contexts: versions, suites, roots and client certificate of a handshake.

A context is costly next to a handshake, so each is made once per set of options and kept. The
files behind it are part of the key: a renewed file gives a new context.
"""

from __future__ import annotations

import binascii
import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from OpenSSL import SSL, crypto

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.net.tls import key_share
from seventh.net.tls import openssl as tlsopenssl

Profile = Literal["modern", "lenient"]
"""``modern`` speaks what a current client speaks. ``lenient`` also speaks what it should refuse,
so that a poor server's facts are learnt: TLS 1.0 and 1.1, small keys, SHA-1."""

_HASHED_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts")
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
)
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


_PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
"""The kinds of key that a client certificate can have."""


class _File(msgspec.Struct, frozen=True):
    """A file's path and state; a changed file differs."""

    path: str
    modified_ns: int
    size: int


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a context depends on."""

    profile: Profile
    store: str
    """The public roots: a hashed directory or a bundle; an empty text for none."""
    verifying: bool = True
    """Whether the engine verifies chains; else :mod:`seventh.net.tls.chain` does, from memory."""
    share: str = ""
    """The group whose key share is sent alone; empty: those that the engine sends by itself."""
    classical: bool = False
    """Whether post-quantum groups are left out, so that the hello fits into one packet."""
    signatures: str = ""
    """The signature algorithms to offer, as OpenSSL names them; empty for its own list."""
    ca: _File | None
    cert: _File | None
    key: _File | None


def setting(
    options: Options,
    profile: Profile,
    *,
    verifying: bool = True,
    share: str = "",
    classical: bool = False,
    signatures: str = "",
) -> Setting:
    """Return the setting for ``options``; raises UsageError for a missing file.

    ``share`` is a group as :mod:`seventh.net.tls.key_share` remembers it.
    """
    cert, key = options.cert_file, options.key_file
    if key is not None and cert is None:
        raise UsageError("--key FILE needs --cert FILE, the client certificate")
    return Setting(
        profile=profile,
        verifying=verifying,
        share=share,
        classical=classical,
        signatures=signatures,
        store=options.ca_store or _system_store(),
        ca=_file(options.ca_file, "--ca") if options.ca_file else None,
        cert=_file(cert, "--cert") if cert else None,
        key=_file(key or cert or "", "--key") if key or cert else None,
    )


def context(options: Options, profile: Profile) -> SSL.Context:
    """Return the context for ``options``, made once; raises UsageError for unusable files."""
    return context_of(setting(options, profile))


@functools.lru_cache(maxsize=32)
def context_of(wanted: Setting) -> SSL.Context:
    """Return the context of a setting, made once; raises UsageError for unusable files."""
    _readable(wanted.ca, "--ca")
    _readable(wanted.cert, "--cert")
    _readable(wanted.key, "--key")
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if wanted.profile == "lenient":
        made.set_min_proto_version(SSL.TLS1_VERSION)
        made.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
    else:
        made.set_min_proto_version(SSL.TLS1_2_VERSION)
    # The engine verifies but never aborts: what is wrong is judged when all facts are there.
    # Without a callback it keeps the first error only, which a pulse can live with.
    if wanted.profile == "lenient":
        made.set_verify(SSL.VERIFY_PEER, _note_error)
    else:
        made.set_verify(SSL.VERIFY_NONE, None)
    if wanted.share:
        tlsopenssl.set_groups(made, key_share.groups(wanted.share))
    if wanted.classical:
        tlsopenssl.set_groups(made, key_share.CLASSICAL)
    if wanted.signatures:
        tlsopenssl.set_signatures(made, wanted.signatures)
    made.set_mode(SSL.MODE_RELEASE_BUFFERS)  # an idle connection keeps no 32 KiB of them
    if wanted.verifying:
        _trust(made, wanted.store, wanted.ca)
    if wanted.cert is not None and wanted.key is not None:
        _identify(made, wanted.cert.path, wanted.key.path)
    tlsopenssl.let_tap(made)
    return made


def verifier(wanted: Setting, *, at_any_time: bool = False) -> SSL.Context:
    """Return a context whose store verifies chains by the setting's roots, apart from a handshake.

    Its store lives as long as the context does. ``at_any_time`` leaves the dates unjudged.
    """
    return _verifier(wanted.store, wanted.ca, at_any_time)


@functools.lru_cache(maxsize=32)
def _verifier(public: str, given: _File | None, at_any_time: bool) -> SSL.Context:
    _readable(given, "--ca")
    # Not the handshakes' own context: what is set on its store would reach them.
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    _trust(made, public, given)
    tlsopenssl.verify_servers(made, at_any_time=at_any_time)
    return made


def _note_error(engine: SSL.Connection, _: crypto.X509, code: int, depth: int, ok: int) -> bool:
    if not ok:
        errors = engine.get_app_data()
        if len(errors) < 32 and (code, depth) not in errors:
            errors.append((code, depth))
    return True


def _trust(made: SSL.Context, public: str, given: _File | None) -> None:
    """Load the roots by name, so that the environment's SSL_CERT_FILE changes nothing."""
    if public:
        try:
            if Path(public).is_dir():
                made.load_verify_locations(None, public)
            else:
                made.load_verify_locations(public)
        except SSL.Error:
            raise UsageError(f"CA store {public}: no readable PEM certificates") from None
    if given is not None:
        if not given_roots(given.path):
            raise UsageError(f"--ca {given.path}: no PEM certificate found")
        try:
            made.load_verify_locations(given.path)
        except SSL.Error:
            raise UsageError(f"--ca {given.path}: contains a damaged certificate") from None
    store = made.get_cert_store()
    if store is not None:
        # A certificate given with --ca is trusted even if it is no root.
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)


def _identify(made: SSL.Context, cert: str, key: str) -> None:
    try:
        made.use_certificate_chain_file(cert)
    except SSL.Error:
        raise UsageError(f"--cert {cert}: no PEM certificate found") from None
    try:
        made.use_privatekey(_key(key))
        made.check_privatekey()
    except SSL.Error:
        raise UsageError(f"--key {key} does not match the certificate {cert}") from None


def _key(path: str) -> _PrivateKey:
    """Read the private key of a PEM file; OpenSSL itself would prompt for a passphrase."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except TypeError:
        raise UsageError(
            f"--key {path} is encrypted; decrypt it: `openssl pkey -in {path} -out PLAIN`"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"--key {path}: no PEM private key found") from None
    if not isinstance(key, _PrivateKey):
        raise UsageError(f"--key {path}: this type of key cannot sign a TLS handshake")
    return key


def given_roots(path: str) -> frozenset[bytes]:
    """Return the certificates of a PEM file, as DER; empty where there is none."""
    found: set[bytes] = set()
    for block in _PEM.findall(Path(path).read_bytes()):
        body = b"".join(block.split(b"\n")[1:-1])
        try:
            found.add(binascii.a2b_base64(body))
        except binascii.Error:
            continue
    return frozenset(found)


def _file(path: str, option: str) -> _File:
    try:
        found = os.stat(path)  # noqa: PTH116 - a pulse pays for every object made here
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror or error}") from None
    return _File(path, found.st_mtime_ns, found.st_size)


def _readable(file: _File | None, option: str) -> None:
    if file is not None and not os.access(file.path, os.R_OK):
        raise UsageError(f"{option} {file.path}: no permission to read it")


@functools.cache
def _system_store() -> str:
    return find_store(os.environ)


def find_store(
    environment: Mapping[str, str],
    directories: tuple[str, ...] = _HASHED_DIRECTORIES,
    bundles: tuple[str, ...] = _BUNDLES,
) -> str:
    """Return the path of this system's public roots.

    A hashed directory is preferred: a bundle must be read whole (5 ms for Debian's), of a
    directory only the one root that a chain needs. The environment's SSL_CERT_FILE and
    SSL_CERT_DIR count only where no known place exists.
    """
    for directory in directories:
        if Path(directory).is_dir() and any(
            _HASHED_NAME.fullmatch(entry.name) for entry in os.scandir(directory)
        ):
            return directory
    for bundle in bundles:
        if Path(bundle).is_file():
            return bundle
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        named = environment.get(variable, "")
        if named and Path(named).exists():
            return named
    return ""
