"""The arguments of each directive, on both sides of every limit, by sshd_config(5), ssh_config(5).

``tests/peers/test_ssh_config_values.py`` compares some of them with the programs.
"""

from __future__ import annotations

import pytest

from seventh.protocols.ssh.client.config.directives import Side
from seventh.protocols.ssh.client.config.values import refusal
from seventh.protocols.ssh.wire.patterns import arguments

COUNTS = ("0|7|2147483647", "-1|x|2147483648|1h|٣")
TIMES = ("0|90|1h30m|2W", "x|1y|-1")
FILES = ("/a|~/.ssh/%h|%%|%C%d%i%j%k%L%l%n%p%r%u", "%q|a%|%%%|/%f|/%H|/%I|/%K|/%T|/%t")

BOTH: dict[str, tuple[str, str]] = {
    "fingerprinthash": ("md5|SHA256|sha1|sha384|sha512", "sha224|md"),
    "loglevel": ("QUIET|FATAL|ERROR|INFO|VERBOSE|DEBUG|DEBUG1|DEBUG2|DEBUG3", "DEBUG4|WARN"),
    "syslogfacility": (
        "DAEMON|USER|AUTH|AUTHPRIV|LOCAL0|LOCAL1|LOCAL2|LOCAL3|LOCAL4|LOCAL5|LOCAL6|LOCAL7",
        "LOCAL8|LOCAL|KERN",
    ),
    "ipqos": (
        ("none|ef|EF|le|lowdelay|throughput|reliability|cs0|cs1|cs2|cs3|cs4|cs5|cs6|cs7|af11|af12|"
        "af13|af21|af22|af23|af31|af32|af33|af41|af42|af43|0|255|af21 cs1|010|0377|0x10|0XFF"),
        "cs8|af14|af10|af01|af51|256|-1|0400|08|0x100|x|af21 x",
    ),
    "logverbose": ("none|kex.c:*:1000|a b", "none a|a NONE"),
    "port": ("1|22|65535", "0|65536|-1|many|22x|٣|1000000000022"),
    "rekeylimit": (
        "default|default none|0|16|16B|1K|1k|1M|1G none|1G 1h|1T|1P|7E|default 3600|0G",
        "DEFAULT none|1K NONE|none|15|15B|8E|9999999999G|1G x|-1|1KB|1x",
    ),
    "requiredrsasize": COUNTS,
    "setenv": ("A=b|A=|A=b B=c", "A|=b|A=b B"),
    "streamlocalbindmask": ("0|0177|777|0777", "8|1000|x|01000"),
    "channeltimeout": ("none|NONE|session=5m|x11-connection=1 session=0|a=1 none",
                       "session|session=|=5|session=x|session=5m y"),
}  # fmt: skip
SERVER: dict[str, tuple[str, str]] = {
    "acceptenv": ("LANG LC_*|A", "A=b|LANG A=b"),
    "allowusers": ("a|a@h|a@10.0.0.0/8|a@!10.0.0.1|a b", "a@10.0.0.1/8|b a@10.0.0.1/8"),
    "denyusers": ("a|a@h|a@10.0.0.0/8", "a@10.0.0.1/8|b a@10.0.0.1/8"),
    "authenticationmethods": (
        ("any|none|publickey|password|keyboard-interactive:pam|hostbased|gssapi-with-mic|"
        "gssapi-keyex|publickey,password hostbased"),
        "guess|publickey,guess|publickey guess|any publickey",
    ),
    "authorizedkeyscommand": ("none|NONE|/bin/true", "true|./true|%h/x"),
    "authorizedprincipalscommand": ("none|/bin/true", "true|./true|%h/x"),
    "clientalivecountmax": COUNTS,
    "clientaliveinterval": TIMES,
    "listenaddress": (
        "*|192.0.2.1|192.0.2.1:22|[::1]|[::1]:22|::1|h rdomain r|h:ssh",
        "h:0|[::1]:0|h:65536|h:2!|h r|h vrf r",
    ),
    "logingracetime": TIMES,
    "maxauthtries": COUNTS,
    "maxsessions": COUNTS,
    "permitlisten": (
        "none|any|22|*:22|h:22|*|h:*|:22|[::1]:22 22|[]:22|h:ssh",
        "h|0|h:0|70000|none 22x|ANY|None|::1:22|10:30:60|h/22|h:22/|[h]:22x|[::1]",
    ),
    "permitopen": (
        "none|any|h:22|h:*|[::1]:22|:22|h:ssh a:1",
        "h|h:|h:65536|none h|ANY|None|*|22|::1:22|10:30:60|h/22|any h:22",
    ),
    "persourcemaxstartups": ("none|0|2147483647", "None|-1|x|2147483648"),
    "persourcenetblocksize": ("0|32|32:128|24:64", "33|32:129|x|999"),
    "pubkeyauthoptions": (
        "none|NONE|touch-required|verify-required|TOUCH-required verify-required",
        "x|touch-required x|touch-required,verify-required",
    ),
    "subsystem": ("sftp internal-sftp|sftp /bin/sftp -l INFO", "sftp"),
    "x11displayoffset": COUNTS,
}  # fmt: skip
CLIENT: dict[str, tuple[str, str]] = {
    "addkeystoagent": ("yes|NO|true|false|ask|confirm|confirm 1h|3600", "x|ask 1h|confirm x"),
    "canonicalizemaxdots": COUNTS,
    "canonicalizepermittedcnames": ("none|*.a:*.b|a:b c:d", "a|a:b none"),
    "connectionattempts": ("1|2147483647", "0|-1|x"),
    "controlpath": FILES,
    "identityagent": FILES,
    "dynamicforward": ("1080|h:1080|[::1]:1080|/tmp/s|~/s|*:1", "0|70000|h:0|1!"),
    "escapechar": ("~|^]|none|^|^@|a", "NONE|ab|^ab|^?"),
    "globalknownhostsfile": ("none|/a|/a /b", "none /a|/a None"),
    "hostname": ("h|%h.x|%%h|192.0.2.1", "%n|%|a%p"),
    "localforward": ("8080 h:80|/tmp/a /tmp/b", "8080|0 h:80|70000 h:80"),
    "remoteforward": ("0|22|0 h:22|22 h:22|/tmp/c h:22", "70000"),
    "numberofpasswordprompts": COUNTS,
    "permitremoteopen": ("none|any|h:22|h:*", "h|h:65536"),
    "sendenv": ("LANG LC_*|-LC_*", "A=b|LANG A=b"),
    "serveralivecountmax": COUNTS,
    "tunneldevice": ("any|ANY|any:any|0:1|3|any:0", "x|0:x|x:0|any:"),
    "userknownhostsfile": ("none|/a|~/%h /b", "none /a|/a %q"),
}  # fmt: skip
ROWS = [
    (side, name, text, accepted)
    for side, table in (("server", {**BOTH, **SERVER}), ("client", {**BOTH, **CLIENT}))
    for name, row in table.items()
    for accepted, texts in zip((True, False), row, strict=True)
    for text in texts.split("|")
]


@pytest.mark.parametrize(("side", "name", "text", "accepted"), ROWS)
def test_values(side: Side, name: str, text: str, accepted: bool) -> None:
    values = arguments(text)
    said = None if accepted else f"invalid value {' '.join(values)!r}"
    assert refusal(side, name, values, text) == said


@pytest.mark.parametrize(
    ("side", "name", "text", "said"),
    [
        ("server", "port", "22 23", "extra arguments after '22'"),
        ("server", "usepam", "yes no", "extra arguments after 'yes'"),
        ("server", "usepam", '""', "empty argument"),
        ("server", "banner", '""', "empty argument"),
        ("server", "ipqos", "af21 cs1 cs2", "extra arguments after 'af21 cs1'"),
        ("client", "ipqos", "af21 cs1 cs2", "extra arguments after 'af21 cs1'"),
        ("server", "rekeylimit", "1G 1h x", "extra arguments after '1G 1h'"),
        ("client", "rekeylimit", "1G 1h x", "extra arguments after '1G 1h'"),
        ("server", "listenaddress", "h rdomain r x", "extra arguments after 'h rdomain r'"),
        ("client", "localforward", "1 h:1 x", "extra arguments after '1 h:1'"),
        ("client", "remoteforward", "1 h:1 x", "extra arguments after '1 h:1'"),
        ("client", "addkeystoagent", "confirm 1h x", "extra arguments after 'confirm 1h'"),
        ("server", "allowusers", "a b c d", None),
        ("server", "unheard", "a b c", None),
        ("server", "allowusers", "", None),  # that it is missing is told elsewhere
    ],
)
def test_how_many(side: Side, name: str, text: str, said: str | None) -> None:
    assert refusal(side, name, arguments(text), text) == said


WHOLE = "forcecommand proxycommand localcommand remotecommand knownhostscommand proxyjump"


@pytest.mark.parametrize("name", WHOLE.split())
def test_of_a_whole_line_only_the_quotes_count(name: str) -> None:
    assert refusal("server", name, (), "a 'b c' %q none") is None
    assert refusal("server", name, (), 'a "b') == "a quote is not closed"
