"""A folder such as /etc: nothing of another program is judged, and nothing of ours is missed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.lint_folder import lint_folder
from seventh.engine.recognise import in_folder
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from tests.peers.keys import make_key

pytestmark = pytest.mark.field

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIru7lsHZJ0lIkVdLZOSTCJyPjuzRwNyQ1YEyMsoPI+6"

FOREIGN = {
    # Names of ours with something else inside.
    "supervisor/conf.d/nginx.conf": "[program:nginx]\ncommand=/usr/sbin/nginx\nuser=root\n",
    "fail2ban/filter.d/nginx.conf": "[Definition]\nfailregex = ^ \"GET\nignoreregex =\n",
    "syslog-ng/conf.d/nginx.conf":
        'source s_nginx { file("/var/log/nginx/access.log"); };\n'
        "log { source(s_nginx); destination(d_messages); };\n",
    "monit/conf.d/nginx.conf":
        "check process nginx with pidfile /run/nginx.pid\n  start program = \"/bin/x\"\n"
        "  if failed port 80 then restart\n",
    "collectd.conf.d/nginx.conf": "LoadPlugin nginx\n<Plugin nginx>\n  URL \"http://x\"\n</Plugin>\n",
    "rsyslog.d/nginx.conf": "if $programname == 'nginx' then /var/log/nginx.log\n& stop\n",
    "logrotate.d/nginx.conf": "/var/log/nginx/*.log {\n\tdaily\n\tmissingok\n\trotate 14\n}\n",
    "monit/conf.d/sshd_config": "check file sshd_config with path /etc/ssh/sshd_config\n",
    "aide/aide.conf.d/sshd_config": "/etc/ssh/sshd_config$ f VarFile\n",
    "filters/ntp.conf": "[Definition]\nfailregex = x\n",
    "openntpd/ntp.conf": "servers pool.example.org\nsensor *\nconstraints from \"https://x\"\n",
    "ntpd.conf": "listen on *\nservers pool.example.org\n",
    "templates/Caddyfile": "#!/bin/sh\necho respond\nlog\n",
    "dovecot/authorized_keys": "protocol imap {\n  mail_plugins = x\n}\n",
    "puppet/sshd_config": "class ssh::server {\n  include ssh::params\n}\n",
    "ansible/sshd_config": "---\n- name: sshd\n  template: src=x\n  when: y\n",
    "json/nginx.conf": '{\n  "server": {\n    "listen": 80\n  }\n}\n',
    "xml/chrony.conf": "<?xml version=\"1.0\"?>\n<service>\n<port/>\n</service>\n",
    # Short files of other names.
    "udev/rules.d/92-sg.rules": 'SUBSYSTEM=="scsi", GROUP="x"\nSubsystem=="usb", MODE="0660"\n',
    "security/limits.d/95-audio.conf": "@audio - rtprio 95\n@audio - memlock unlimited\n",
    "apache2/ports.conf": "Listen 80\n<IfModule ssl_module>\n\tListen 443\n</IfModule>\n",
    "apache2/conf.d/x.conf": "User www-data\nGroup www-data\nPort 80\nInclude other.conf\n",
    "proftpd/proftpd.conf": "Port 21\nUser proftpd\nGroup nogroup\nMaxInstances 30\nUmask 022\n",
    "vsftpd.conf": "listen=YES\nbanner=x\nlog=y\n",
    "hosts.allow": "sshd: ALL\n",
    "pam.d/sshd": "@include common-auth\naccount required pam_nologin.so\n",
    "default/ssh": "SSHD_OPTS=\n",
    "resolv.conf": "nameserver 192.0.2.1\nsearch example.org\noptions rotate\n",
    "timesyncd": "server a\nserver b\n",
    "sudoers.d/x": "%admin ALL=(ALL) ALL\nDefaults env_reset\n",
    "keepalived.conf": "vrrp_instance V {\n  state MASTER\n  interface eth0\n  priority 1\n}\n",
    # SSH's own files that are no configuration.
    "ssh/moduli": "20230101000000 2 6 100 2047 2 C8AB\n20230101000000 2 6 100 3071 2 D8AB\n",
    "ssh/ssh_known_hosts": f"git.example.org {KEY}\n192.0.2.1,a {KEY}\n@cert-authority *.b {KEY}\n",
    "u/.ssh/known_hosts": f"|1|aaaa=|bbbb= {KEY}\n[a]:22 {KEY}\na {KEY}\n",
    "u/.ssh/known_hosts.old": f"a {KEY}\nb {KEY}\nc {KEY}\n",
    "u/.ssh/id_ed25519.pub": f"{KEY} me@here\n",
    "ssh/trusted_ca_keys": f"{KEY} a\n{KEY} b\n{KEY} c\n",
    "u/.ssh/allowed_signers": f'a@b namespaces="git" {KEY}\nc@d {KEY}\ne@f {KEY}\n',
    "binary.conf": "Port 22\nPermitRootLogin yes\nUsePAM yes\n\0\n",
}  # fmt: skip

OURS = {
    "ssh/sshd_config": ("sshd_config", "#Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\n"),
    "ssh/ssh_config": ("ssh_config", "Host *\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n"),
    "u/.ssh/config": ("ssh_config", "Host a\n  Hostname b\n"),
    "u/.ssh/authorized_keys": ("authorized_keys", f"{KEY} me\n"),
    "v/.ssh/authorized_keys": ("authorized_keys", "ssh-ed25519 AAAA broken\n"),
    "nginx/nginx.conf": ("nginx.conf", "events {}\nhttp { include sites/*; }\n"),
    "caddy/Caddyfile": ("Caddyfile", "{\n\tadmin off\n}\nexample.org\nrespond hi\n"),
    "chrony/chrony.conf": ("chrony.conf", "server a.example.org iburst\n"),
    "ntp.conf": ("ntp.conf", "server a.example.org iburst\ndriftfile /var/lib/ntp/drift\n"),
    "saved/as-something": (
        "sshd_config",
        "PermitRootLogin no\nUsePAM yes\nAllowUsers ops\nX11Forwarding no\nPort 22\n",
    ),
}


def kind(report: Report) -> str:
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    return facts.kind


def test_a_folder_of_many_programs(tmp_path: Path) -> None:
    files = {**FOREIGN, **{name: text for name, (_, text) in OURS.items()}}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    make_key(tmp_path / "ssh" / "ssh_host_ed25519_key")
    make_key(tmp_path / "u" / ".ssh" / "id_ed25519_2")
    found = {
        report.target.removeprefix(f"file:{tmp_path}/"): kind(report)
        for report in lint_folder(tmp_path, Wanted())
    }
    assert found == {name: wanted for name, (wanted, _) in OURS.items()}


@pytest.mark.parametrize("name", [
    "supervisor/conf.d/nginx.conf", "xml/chrony.conf", "u/.ssh/known_hosts", "ssh/moduli",
    "u/.ssh/id_ed25519.pub", "udev/rules.d/92-sg.rules", "json/nginx.conf", "ntpd.conf",
    "security/limits.d/95-audio.conf", "pam.d/sshd",
])  # fmt: skip
def test_a_single_file_that_is_not_recognised_says_what_to_type(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(FOREIGN[name])
    report = lint_file(file, Wanted())
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert "unrecognised file type; name it with --kind (" in report.failure.detail
    assert not report.findings
    assert kind(lint_file(file, Wanted(kind="ssh_config"))) == "ssh_config"


def test_a_faulty_file_of_ours_is_still_ours(tmp_path: Path) -> None:
    for name, text in {
        "sshd_config": "PermitRootLogn no\nPasswordAuthentication no\nUsePam yes\nprot 22\n",
        "nginx.conf": "events {\nhttp {\nserver {\nlissten 80;\n}\n",
        "Caddyfile": "a.example {\nfile_servr\n}\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert sorted(kind(report) for report in lint_folder(tmp_path, Wanted())) == [
        "Caddyfile", "nginx.conf", "sshd_config",
    ]  # fmt: skip


def test_what_is_on_this_machine_is_ours_or_left_alone() -> None:
    """Every file below /etc that is judged has a name under which its program reads it."""
    judged = [path for path in Path("/etc").rglob("*") if in_folder(path) is not None]
    names = ("ssh", "chrony", "ntp", "nginx", "caddy", "postfix", "dovecot", "snmp", "mosquitto")
    assert [path for path in judged if not any(name in str(path) for name in names)] == []


def test_the_packages_on_this_machine_have_no_file_of_ours_by_another_name() -> None:
    listed = subprocess.run(
        ["find", "/usr/share", "-name", "*.conf", "-size", "-64k"], capture_output=True, text=True,
        check=False,
    ).stdout.splitlines()[:3000]  # fmt: skip
    for name in listed:
        if not any(
            word in name
            for word in ("ssh", "chrony", "ntp", "nginx", "caddy", "dovecot", "snmp", "mosquitto")
        ):
            assert in_folder(Path(name)) is None, name


# -- what is not in force --------------------------------------------------------------------------


def test_what_no_include_reads_is_named_once_and_not_judged(tmp_path: Path) -> None:
    for name, text in {
        "sshd_config": "Include sshd_config.d/*.conf\nUsePAM yes\nSubsystem sftp internal-sftp\n",
        "sshd_config.d/10-on.conf": "PasswordAuthentication no\n",
        "sshd_config.d/20.conf.bak": "PermitEmptyPasswords yes\n",
        "sshd_config.d/older/1.conf": "PermitEmptyPasswords yes\n",
        "sshd_config.d/README.conf~": "PermitEmptyPasswords yes\n",
        "sshd_config.dpkg-old": "PermitEmptyPasswords yes\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (report,) = lint_folder(tmp_path, Wanted())
    assert not {"SSH-NOAUTH"} & {finding.id for finding in report.findings}
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    (note,) = facts.notes
    assert note.text == (
        "not checked, because no file includes it: sshd_config.d/20.conf.bak, "
        "sshd_config.d/README.conf~, sshd_config.d/older/1.conf, sshd_config.dpkg-old"
    )


def test_nginx_too(tmp_path: Path) -> None:
    site = "server {\n listen 80;\n server_name x.example;\n}\n"
    for name in ("sites-enabled/on", "sites-available/off"):
        (tmp_path / "nginx" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "nginx" / name).write_text(site)
    (tmp_path / "nginx/nginx.conf").write_text("events {}\nhttp {\n include sites-enabled/*;\n}\n")
    (report,) = lint_folder(tmp_path, Wanted())
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert [note.text for note in facts.notes] == [
        "not checked, because no file includes it: sites-available/off"
    ]


def test_drop_ins_without_their_main_file_are_judged_if_one_would_read_them(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "sshd_config.d"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.conf", "b.conf.disabled", "c", "sub/d.conf"):
        (folder / name).write_text("PermitEmptyPasswords yes\n")
    assert [Path(r.target).name for r in lint_folder(tmp_path, Wanted())] == ["a.conf"]


def test_from_standard_input_a_kind_is_told_by_content() -> None:
    report = lint_text("-", b"PermitRootLogin no\nUsePAM yes\nAllowUsers x\n", Wanted())
    assert kind(report) == "sshd_config"
