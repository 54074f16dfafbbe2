"""A real sshd per host on port 22 of its own namespace, with keys of the lab's own; and the client's
configuration that reaches it from the machine's namespace and from every host's."""

import getpass

from . import faults, processes
from .run import detach, output, run, wait_until

KEY_TYPE = "ssh-ed25519"


def generate_key(path):
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "dugong-lab", "-f", path)


def directory(host):
    return host.dir / "sshd"


def client_key(lab):
    return lab.dir / "ssh" / "id_ed25519"


def root_is_locked():
    """sshd without PAM refuses an account whose password field starts with '!'; with PAM it does not look."""
    fields = output("getent", "shadow", "root", check=False).split(":")
    return len(fields) > 1 and fields[1].startswith("!")


def server_config(lab, host, environment):
    """The exchange that OpenSSH prefers takes an eighth of a second of each client's processor, and the machine's two
    serve all hosts."""
    own = directory(host)
    variables = " ".join(f'"{name}={value}"' for name, value in sorted(environment.items()))
    return f"""\
ListenAddress {host.address}
Port 22
HostKey {own}/host_key
AuthorizedKeysFile {client_key(lab)}.pub
PidFile {own}/pid
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM {"yes" if root_is_locked() else "no"}
PrintMotd no
UseDNS no
KexAlgorithms curve25519-sha256
MaxStartups 100:30:200
MaxSessions 100
SetEnv {variables}
Subsystem sftp internal-sftp
"""


def proxy_script(lab):
    return f"""\
#!/bin/sh
# Inside a host of the lab the way to another one is the host's own link; from anywhere else it starts at the bridge.
me=$(stat -Lc %i /proc/self/ns/net)
if stat -Lc %i /run/netns/dg{lab.name}-* | grep -qx "$me"; then exec socat -b 131072 - "TCP:$1:$2"; fi
exec nsenter --net=/run/netns/{lab.bridge_netns} socat -b 131072 - "TCP:$1:$2"
"""


def client_config(lab):
    entries = "".join(f"Host {host.name} {host.address}\n  HostName {host.address}\n\n" for host in lab.hosts)
    patterns = " ".join(f"{host.name} {host.address}" for host in lab.hosts)
    return f"""\
{entries}Host {patterns}
  User root
  IdentityFile {client_key(lab)}
  IdentitiesOnly yes
  UserKnownHostsFile {lab.dir}/ssh/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  ProxyCommand {lab.dir}/ssh/proxy %h %p

Host *
  BatchMode yes
"""


def known_hosts(lab):
    def line(host):
        key = (directory(host) / "host_key.pub").read_text().split()
        return f"{host.name},{host.address} {key[0]} {key[1]}\n"
    return "".join(line(host) for host in lab.hosts)


def write_client_files(lab):
    """After every host has its key."""
    ssh = lab.dir / "ssh"
    (ssh / "known_hosts").write_text(known_hosts(lab))
    (ssh / "proxy").write_text(proxy_script(lab))
    (ssh / "proxy").chmod(0o755)
    lab.ssh_config.write_text(client_config(lab))


def is_running(host):
    pid = processes.read_pid(directory(host) / "pid")
    return pid is not None and processes.identity(f"/proc/{pid}/ns/net") == processes.identity(host.netns_path)


def start(lab, host, environment):
    own = directory(host)
    generate_key(own / "host_key")
    (own / "config").write_text(server_config(lab, host, environment))
    if is_running(host):
        return
    run("mkdir", "-p", "/run/sshd")
    detach(faults.in_netns(host.netns, "/usr/sbin/sshd", "-D", "-f", own / "config", "-E", own / "log"), own / "log",
           env=bare_environment())
    wait_until(lambda: is_running(host), 10, f"sshd of {host.name} runs", own / "log")


def bare_environment():
    """A login on a host must not find what the lab's caller happened to have exported."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "USER": getpass.getuser()}
