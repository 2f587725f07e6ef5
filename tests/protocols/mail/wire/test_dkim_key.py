"""DKIM's key records: every fault has its name, every usable form is usable."""

from __future__ import annotations

import base64
import itertools
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.facts.dkim import DkimKey
from seventh.protocols.mail.wire.dkim_key import MAX_KEY_BYTES, choose, read_key, record_of
from seventh.protocols.mail.wire.tag_list import MAX_TAGS, read_tags
from tests.protocols.mail.dkim_keys import ED25519, p, rsa_key

RSA, ED = p(rsa_key(1024)), p(ED25519)


def key(record: bytes, state: str = "usable", **more: object) -> DkimKey:
    fields: dict[str, object] = {"kind": "rsa", "bits": 1024, **more}
    return DkimKey(state=state, record_bytes=len(record), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "state", "more"),
    [
        (b"v=DKIM1; k=rsa; p=" + RSA, "usable", {}),
        (b"p=" + RSA, "usable", {}),
        (b" v = DKIM1 ;\tk=RSA;p=" + RSA[:50] + b" \r\n\t" + RSA[50:] + b" ; ", "usable", {}),
        (b"v=DKIM1; p=" + p(rsa_key(1024), bare=True), "usable", {}),
        (b"v=DKIM1; k=ed25519; p=" + ED, "usable", {"kind": "ed25519", "bits": 256}),
        (b"v=DKIM1; n=unread; x=new; g=*; p=" + RSA, "usable", {}),
        (b"v=DKIM1; t=y:s; p=" + RSA, "usable", {"testing": True, "strict": True}),
        (b"v=DKIM1; t= s : x ; p=" + RSA, "usable", {"strict": True}),
        (b"v=DKIM1; t=yes; p=" + RSA, "usable", {}),
        (b"v=DKIM1; h=sha1; p=" + RSA, "usable", {"hashes": ("sha1",)}),
        (b"v=DKIM1; h=sha1:SHA256; p=" + RSA, "usable", {"hashes": ("sha1", "sha256")}),
        (b"v=DKIM1; s=email; p=" + RSA, "usable", {"services": ("email",)}),
        (b"v=DKIM1; s=tlsrpt:*; p=" + RSA, "usable", {"services": ("tlsrpt", "*")}),
        (b"v=DKIM1; s=tlsrpt; p=" + RSA, "broken",
         {"services": ("tlsrpt",), "faults": ("service",)}),
        (b"v=DKIM1; h=md5; p=" + RSA, "broken", {"hashes": ("md5",), "faults": ("hash",)}),
        (b"v=DKIM1; k=ed25519; h=sha1; p=" + ED, "broken",
         {"kind": "ed25519", "bits": 256, "hashes": ("sha1",), "faults": ("hash",)}),
        (b"v=DKIM1; p=", "revoked", {"bits": None}),
        (b"v=DKIM1; k=ed25519; p=;", "revoked", {"kind": "ed25519", "bits": None}),
        (b"v=DKIM1; k=rsa", "broken", {"bits": None, "faults": ("no-key",)}),
        (b"", "broken", {"bits": None, "faults": ("no-key",)}),
        (b"v=dkim1; p=" + RSA, "broken", {"faults": ("version",)}),
        (b"k=rsa; v=DKIM1; p=" + RSA, "broken", {"faults": ("version",)}),
        (b"v=DKIM1; k=dsa; p=" + RSA, "broken", {"kind": "dsa", "bits": None, "faults": ("kind",)}),
        (b"v=DKIM1; p=" + RSA[:-3] + b"!!!", "broken", {"bits": None, "faults": ("base64",)}),
        (b"v=DKIM1; p=" + RSA[:-1], "broken", {"bits": None, "faults": ("base64",)}),
        (b"v=DKIM1; p=" + RSA[:40], "broken", {"bits": None, "faults": ("key",)}),
        (b"v=DKIM1; p=" + ED, "broken", {"bits": None, "faults": ("key",)}),
        (b"v=DKIM1; k=ed25519; p=" + RSA, "broken",
         {"kind": "ed25519", "bits": None, "faults": ("key",)}),
        (b"v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(33)), "broken",
         {"kind": "ed25519", "bits": None, "faults": ("key",)}),
        (b"v=DKIM1; p=" + RSA + b"; p=" + RSA, "broken", {"faults": ("repeated",)}),
        (b"v=DKIM1; rubbish; p=" + RSA, "broken", {"faults": ("syntax",)}),
        (b"v=DKIM1;; p=" + RSA, "broken", {"faults": ("syntax",)}),
        (b"v=DKIM1; p=" + b"A" * (MAX_KEY_BYTES + 4), "broken",
         {"bits": None, "faults": ("base64",)}),
        (b"v=DKIM1; k=" + b"k" * 33 + b"; h=sha256" + b":h" * 8 + b"; s=*" + b":s" * 8 + b"; p=A",
         "broken", {"kind": "k" * 32 + "…", "bits": None, "faults": ("kind",),
                    "hashes": ("sha256", *"h" * 7), "services": ("*", *"s" * 7)}),
        (b"v=DKIM1; h=sha1:" + b"h" * 17 + b"; s=*:" + b"s" * 17 + b"; p=" + RSA, "usable",
         {"hashes": ("sha1", "h" * 16 + "…"), "services": ("*", "s" * 16 + "…")}),
        (b"v=DKIM2; oops; k=x; h=md5; s=web; p=" + RSA, "broken",
         {"kind": "x", "bits": None, "hashes": ("md5",), "services": ("web",),
          "faults": ("version", "syntax", "kind", "hash", "service")}),
    ],
    ids=itertools.count(),  # a key made for this run is no name for a test
)  # fmt: skip
def test_a_record(record: bytes, state: str, more: dict[str, object]) -> None:
    assert read_key(record).key == key(record, state, **more)


@pytest.mark.parametrize("bits", [512, 768])
def test_a_key_that_libraries_refuse_to_make_is_read(bits: int) -> None:
    made = subprocess.run(["openssl", "genrsa", str(bits)], capture_output=True, check=True).stdout
    public = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"],
        input=made,
        capture_output=True,
        check=True,
    ).stdout
    record = record_of("rsa", public)
    assert read_key(record).key == key(record, bits=bits)


def test_the_longest_key_that_is_read() -> None:
    record = b"v=DKIM1; p=" + b"A" * MAX_KEY_BYTES
    assert read_key(record).key.faults == ("key",)


def test_records_of_one_name() -> None:
    good, other = b"v=DKIM1; p=" + RSA, b"v=spf1 -all"
    assert choose([], selector="a") is None
    one = choose([other, good], selector="a")
    assert one is not None
    assert one.key == DkimKey(selector="a", state="usable", kind="rsa", bits=1024,
                              record_bytes=len(good))  # fmt: skip
    two = choose([good, b"v=DKIM1; p="])
    assert two is not None
    assert (two.key.state, two.key.faults, two.public is None) == ("broken", ("several",), False)
    none = choose([other])
    assert none is not None
    assert (none.key.state, none.key.has_key) == ("broken", False)


@given(st.binary(max_size=300))
def test_any_bytes_are_read(record: bytes) -> None:
    parsed = read_key(b"v=DKIM1; p=" + RSA + b";" + record).key
    assert parsed.state in {"usable", "broken"}
    assert read_key(record).key.state in {"usable", "broken", "revoked"}


def test_tags_are_counted() -> None:
    assert len(read_tags(";".join(f"t{i}=1" for i in range(MAX_TAGS + 5))).tags) == MAX_TAGS + 1
