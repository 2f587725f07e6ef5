"""Lines of authorized_keys as sshd reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seventh.lint.openssh.public_keys import key_line
from seventh.protocols.ssh.wire.patterns import GrammarError
from tests.peers import need_binary

pytestmark = pytest.mark.field

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIru7lsHZJ0lIkVdLZOSTCJyPjuzRwNyQ1YEyMsoPI+6"
TYPE, DATA = KEY.split()
SK = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIIru7lsHZJ0lIkVd"
    "LZOSTCJyPjuzRwNyQ1YEyMsoPI+6AAAABHNzaDo="
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
    "a host name before it": f"git.example.org {KEY}",
    "no quotes": f"command=ls {KEY}",
    "an option that is none": f"no-such-thing {KEY}",
    "a value too many": f'restrict="yes" {KEY}',
    "no value": f"command {KEY}",
    "an open quote": f'command="ls {KEY}',
    "a blank between options": f"restrict, pty {KEY}",
    "a date that is none": f'expiry-time="tomorrow" {KEY}',
    "an hour that is none": f'expiry-time="2030123124" {KEY}',
    "an hour of a day that is none": f'expiry-time="203012312459" {KEY}',
    "a minute that is none": f'expiry-time="203012312360" {KEY}',
    "a day that is none": f'expiry-time="20301232" {KEY}',
    "a month that is none": f'expiry-time="20301331" {KEY}',
    "a port that is none": f'permitopen="h:99999" {KEY}',
    "a place without its port": f'permitopen="h" {KEY}',
    "a network with host bits": f'from="10.0.0.1/8" {KEY}',
    "a variable without value": f'environment="A" {KEY}',
    "two commands": f'command="a",command="b" {KEY}',
    "half a key": f"{TYPE} {DATA[:30]}",
    "another type": f"ssh-rsa {DATA}",
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_sshd_takes(case: str) -> None:
    entry = key_line(TAKEN[case])
    assert entry is not None
    assert entry.type in {TYPE, "sk-ssh-ed25519@openssh.com"}


@pytest.mark.parametrize("case", REFUSED)
def test_what_sshd_passes_over(case: str) -> None:
    with pytest.raises(GrammarError):
        key_line(REFUSED[case])


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
