"""Lines of authorized_keys as sshd reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seventh.lint.openssh import authorized_keys
from seventh.lint.openssh.public_keys import key_line
from seventh.lintkit.files import MAX_PROBLEMS, Files
from seventh.lintkit.linted import Linted
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts, UserKey
from seventh.protocols.ssh.wire.hostkeys import PublicKey
from seventh.protocols.ssh.wire.patterns import GrammarError
from tests.peers import need_binary

pytestmark = pytest.mark.field

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIru7lsHZJ0lIkVdLZOSTCJyPjuzRwNyQ1YEyMsoPI+6"
TYPE, DATA = KEY.split()
SK = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIIru7lsHZJ0lIkVd"
    "LZOSTCJyPjuzRwNyQ1YEyMsoPI+6AAAABHNzaDo="
)
RSA = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDEMLpWjHJOFg7DtlrflnBb8iBvkafwZrtd8g86vqXjw44fCsNZGWzrwO"
    "A77mH7jueEhnsV5aT/9Ozp/GWEHitw3ReBijDizUYw7lQG03uWdXTHSA8atuNWn58oAYU3gZFwWQZurRKLGoAIJqhEMyXD"
    "xYH3ia+2J2lEY08ebWqWQQ=="
)

TAKEN = {
    "plain": KEY,
    "a tab": f"{TYPE}\t{DATA}\tme@here",
    "tabs and blanks": f"  \t{TYPE} \t {DATA}\t \tme at home",
    "a tab behind the options": f"restrict,pty\t{TYPE}\t{DATA}",
    "quotes with a tab": f'command="a\tb" {KEY}',
    "an escaped quote": f'command="echo \\"hi, all\\"",no-pty {KEY}',
    "commas and blanks in quotes": f'from="10.0.0.0/8,*.example.org",command="x y, z" {KEY}',
    "equals in quotes": f'environment="A=b=c" {KEY}',
    "upper case": f'CERT-AUTHORITY,Principals="a,b" {KEY}',
    "everything restricted": f"restrict,agent-forwarding,X11-forwarding,user-rc {KEY}",
    "a security key": SK,
    "its options": f"no-touch-required,verify-required {SK}",
    "a date": f'expiry-time="20301231" {KEY}',
    "a date and time": f'expiry-time="203012312359",restrict {KEY}',
    "a date in UTC": f'expiry-time="20301231235959Z" {KEY}',
    "places": f'permitopen="h:80",permitopen="[::1]:*",permitlisten="8080" {KEY}',
    "a tunnel": f'tunnel="0" {KEY}',
    "a comment with quotes": f'{KEY} "me" # here',
    "a comment with a type": f"{KEY} ssh-rsa of me",
    "a carriage return": f"{KEY} me\r",
}  # fmt: skip
REFUSED = {
    f"git.example.org {KEY}": "unknown option git.example.org",
    f"command=ls {KEY}": 'the value of option command must be in double quotes (")',
    f"command= {KEY}": 'the value of option command must be in double quotes (")',
    f"no-such-thing {KEY}": "unknown option no-such-thing",
    f"no-{'x' * 40} {KEY}": f"unknown option no-{'x' * 37}…",
    f'restrict="yes" {KEY}': "option restrict takes no value",
    f'cert-authority="yes" {KEY}': "option cert-authority takes no value",
    f'no-pty="yes" {KEY}': "option no-pty takes no value",
    f"command {KEY}": "option command requires a value",
    f"tunnel {KEY}": "option tunnel requires a value",
    f'command="ls {KEY}': "closing quote missing in the value of option command",
    f'command="ls\\" {KEY}': "closing quote missing in the value of option command",
    f"restrict, pty {KEY}": "options are separated by commas without blanks",
    f",pty {KEY}": "options are separated by commas without blanks",
    f'="x" {KEY}': "options are separated by commas without blanks",
    f'pty"x" {KEY}': "options are separated by commas without blanks",
    f'command="a"pty {KEY}': "options are separated by commas without blanks",
    f'command="a",command="b" {KEY}': "duplicate option command",
    f'from="a",From="b" {KEY}': "duplicate option from",
    f'principals="a",principals="b" {KEY}': "duplicate option principals",
    f"{TYPE} {DATA[:30]}": "the key is not valid base64",
    f"{TYPE} {DATA[:32]}": "the host key is truncated: 32 bytes declared, 5 present",
    f"{TYPE} !!!!": "the key is not valid base64",
    f"ssh-rsa {DATA}": "the key data is not of the type ssh-rsa",
    TYPE: "no key type found",
    "restrict": "no key type found",
    f"restrict {TYPE}": "no key type found",
    f"restrict x {KEY}": "no key type found",
}
VALUES = {
    # option: the values that sshd accepts, and those that it refuses (sshd(8), AUTHORIZED_KEYS)
    "environment": (("A=", "A=b", "A_1=b=c"), ("A", "", "=b", "A-B=c")),
    "expiry-time": (
        ("20301231", "20300101", "203012312359", "20301231235959", "20301231Z", "203012312359z"),
        ("", "tomorrow", "2030123", "2030123124", "203012312459", "203012312360", "20301232",
         "20301200", "20301331", "20300031", "203012312359x"),
    ),
    "from": (("192.0.2.0/24", "*.example.org,!a.example.org", "a"),
             ("", "10.0.0.1/8", "a,,b", "a,")),
    "permitlisten": (("1", "65535", "*", "localhost:80", "[::1]:80", "*:80"),
                     ("", "0", "65536", "080", "x", ":80", "a:", "a:x")),
    "permitopen": (("h:1", "h:65535", "h:*", "[::1]:80"),
                   ("", "80", "h", "h:0", "h:65536", ":80", "h:99999")),
    "principals": (("a", "a,b"), ("",)),
    "tunnel": (("0", "12", "any"), ("", "x", "-1", "٣")),
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
def test_what_sshd_takes(case: str) -> None:
    entry = key_line(TAKEN[case])
    assert entry is not None
    assert entry.type in {TYPE, "sk-ssh-ed25519@openssh.com"}


@pytest.mark.parametrize(("line", "why"), REFUSED.items())
def test_what_sshd_passes_over(line: str, why: str) -> None:
    with pytest.raises(GrammarError) as refused:
        key_line(line)
    assert str(refused.value) == why


@pytest.mark.parametrize("option", VALUES)
def test_values_of_options(option: str) -> None:
    taken, refused = VALUES[option]
    for value in taken:
        entry = key_line(f'{option}="{value}" {KEY}')
        assert entry is not None
        assert entry.options == (option,)
    for value in refused:
        with pytest.raises(GrammarError) as error:
            key_line(f'{option}="{value}" {KEY}')
        assert str(error.value) == f"invalid value {value!r} for option {option}"


def test_options_that_may_be_repeated() -> None:
    line = f'permitopen="a:1",permitopen="b:2",environment="A=1",environment="B=2" {KEY}'
    entry = key_line(line)
    assert entry is not None
    assert entry.options == ("permitopen", "permitopen", "environment", "environment")


@pytest.mark.parametrize("flag", [
    "restrict", "cert-authority", "agent-forwarding", "port-forwarding", "X11-forwarding", "pty",
    "user-rc", "no-touch-required", "verify-required", "no-agent-forwarding", "no-port-forwarding",
    "no-x11-forwarding", "no-pty", "no-user-rc",
])  # fmt: skip
def test_options_without_a_value(flag: str) -> None:
    entry = key_line(f"{flag} {KEY}")
    assert entry is not None
    assert entry.options == (flag.lower(),)


def test_an_entry_has_the_parts_of_its_line() -> None:
    line = f'  command="a, \\"b\\" c",RESTRICT \t {KEY} \t me at home  '
    entry = key_line(line)
    assert entry is not None
    assert (entry.options, entry.type, entry.comment) == (
        ("command", "restrict"), "ssh-ed25519", "me at home",
    )  # fmt: skip
    assert entry.key is not None
    assert (entry.key.type, entry.key.facts("", None).bits) == ("ssh-ed25519", 256)
    plain = key_line(f"{KEY} {'x' * 81}")
    assert plain is not None
    assert (plain.options, plain.comment) == ((), "x" * 80 + "…")
    assert key_line("") is key_line(" \t") is key_line("  # comment") is None
    fido = key_line(SK)
    assert fido is not None
    assert (fido.type, fido.key, fido.comment) == ("sk-ssh-ed25519@openssh.com", None, "")


def test_the_value_of_an_option_is_read_without_its_backslashes() -> None:
    """A quote with a backslash is part of the value, of which an environment needs a name."""
    with pytest.raises(GrammarError, match="invalid value '\"A\"' for option environment"):
        key_line(f'environment="\\"A\\"" {KEY}')


@pytest.mark.peer
@pytest.mark.parametrize("case", TAKEN)
def test_ssh_keygen_finds_the_key_there_too(case: str, tmp_path: Path) -> None:
    file = tmp_path / "authorized_keys"
    file.write_text(TAKEN[case] + "\n")
    said = subprocess.run(
        [need_binary("ssh-keygen"), "-lf", str(file)], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    entry = key_line(TAKEN[case])
    assert entry is not None
    if entry.key is not None:
        assert entry.key.facts("", None).sha256 in said.stdout


# -- the linter ------------------------------------------------------------------------------------


def lint(text: str, name: str = "authorized_keys") -> tuple[Linted, Files]:
    files = Files(base=Path("/nonexistent"))
    return authorized_keys.lint(files.take(name, text.encode()), files, None), files


def test_keys_become_facts_and_other_lines_problems() -> None:
    result, files = lint(f"# mine\nnonsense\n{KEY} me\n\nrestrict,pty {RSA}\n{SK}\n")
    (view,) = result.views
    facts = view.facts["ssh"]
    assert isinstance(facts, SshFacts)
    ed, rsa = (_key(line).facts("", None).sha256 for line in (KEY, RSA))
    assert facts.config == SshConfigFacts(
        side="keys",
        user_keys=(
            UserKey(type="ssh-ed25519", bits=256, sha256=ed, line=3, comment="me"),
            UserKey(type="ssh-rsa", bits=1024, sha256=rsa, line=5, options=("restrict", "pty")),
            UserKey(type="sk-ssh-ed25519@openssh.com", bits=256, sha256="", line=6),
        ),
    )
    assert [(p.file, p.line, p.text) for p in result.problems] == [
        ("authorized_keys", 2, "sshd ignores this line: unknown option nonsense")
    ]
    assert {key: [(s.value, s.at.line, s.at.text) for s in found]
            for key, found in view.settings.items()} == {
        "key 3": [("ssh-ed25519", 3, f"ssh-ed25519 256 bits {ed} me")],
        "key 5": [("ssh-rsa", 5, f"restrict,pty ssh-rsa 1024 bits {rsa}")],
        "key 6": [("sk-ssh-ed25519@openssh.com", 6, "sk-ssh-ed25519@openssh.com 256 bits")],
        "modes": [],
    }  # fmt: skip
    assert files.problems == []
    assert result.software_assumed


def _key(line: str) -> PublicKey:
    entry = key_line(line)
    assert entry is not None
    assert entry.key is not None
    return entry.key


def test_lines_that_sshd_ignores_are_kept_up_to_a_limit() -> None:
    result, _ = lint("nonsense\n" * (MAX_PROBLEMS + 1) + KEY)
    assert len(result.problems) == MAX_PROBLEMS
    assert "key 102" in result.views[0].settings


def test_keys_are_checked_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorized_keys, "MAX_KEYS", 2)
    for more, problems in (("", []), (f"{KEY}\n{KEY}\n", ["only the first 2 keys checked"])):
        result, files = lint(f"{KEY}\n{KEY}\n{more}")
        assert set(result.views[0].settings) == {"key 1", "key 2", "modes"}
        assert [p.text for p in files.problems] == problems


@pytest.mark.parametrize("name", ["-", "stdin"])
def test_modes_of_a_file_and_not_of_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for each in (name, "keys"):
        Path(each).touch()
        Path(each).chmod(0o666)
    assert [s.at.text for s in lint("", "keys")[0].views[0].settings["modes"]] == [
        f"{tmp_path}/keys: mode 0666"
    ]
    assert lint("", name)[0].views[0].settings["modes"] == ()
