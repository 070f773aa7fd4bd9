"""The restricted profile of the Pod Security Standards, as Kubernetes 1.34 and newer define it for Linux.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/. Each function is one of the page's
controls; those of the baseline profile, which the restricted one includes, come first. What a pod would be refused for
is told as text; nothing told means that it is let in.
"""

from collections.abc import Callable, Iterator
from typing import Any

Spec = dict[str, Any]
Control = Callable[[Spec, dict[str, str]], Iterator[str]]

SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
PROFILES = {"RuntimeDefault", "Localhost"}
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
HOOKS = ("livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop")
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def violations(spec: Spec, annotations: dict[str, str] | None = None) -> list[str]:
    """What the API server would refuse a pod for in a namespace with `enforce: restricted`.

    Args:
        spec: The pod's `spec`, or that of its template.
        annotations: The pod's.

    Returns:
        One text a violation: where and what.
    """
    return [told for control in CONTROLS for told in control(spec, annotations or {})]


def containers(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """All containers of a pod, with the path of each."""
    for field in CONTAINERS:
        for container in spec.get(field) or []:
            yield f"{field}[{container.get('name')}]", container


def contexts(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """The security contexts: the pod's, then each container's; empty where there is none."""
    yield "pod", spec.get("securityContext") or {}
    for path, container in containers(spec):
        yield path, container.get("securityContext") or {}


def host_process(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Windows' privileged containers."""
    for path, context in contexts(spec):
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield f"{path}: windowsOptions.hostProcess is true"


def host_namespaces(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """The host's network, processes and IPC."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"pod: {field} is true"


def privileged(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Containers with all rights."""
    for path, context in contexts(spec):
        if context.get("privileged"):
            yield f"{path}: privileged is true"


def host_ports(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Ports of the node."""
    for path, container in containers(spec):
        for port in container.get("ports") or []:
            if port.get("hostPort"):
                yield f"{path}: hostPort {port['hostPort']}"


def host_probes(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Probes and hooks by which the kubelet would call other hosts (since 1.34)."""
    for path, container in containers(spec):
        hooks = container | (container.get("lifecycle") or {})
        for name in HOOKS:
            for action in ("httpGet", "tcpSocket"):
                if host := ((hooks.get(name) or {}).get(action) or {}).get("host"):
                    yield f"{path}: {name}.{action}.host is {host}"


def apparmor(spec: Spec, annotations: dict[str, str]) -> Iterator[str]:
    """AppArmor switched off."""
    for path, context in contexts(spec):
        kind = (context.get("appArmorProfile") or {}).get("type")
        if kind not in {None, *PROFILES}:
            yield f"{path}: appArmorProfile.type is {kind}"
    for name, value in annotations.items():
        if name.startswith(APPARMOR) and value not in {"", "runtime/default"} and not value.startswith("localhost/"):
            yield f"annotation {name} is {value}"


def selinux(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """SELinux types, users and roles that allow more."""
    for path, context in contexts(spec):
        options = context.get("seLinuxOptions") or {}
        if options.get("type", "") not in SELINUX_TYPES:
            yield f"{path}: seLinuxOptions.type is {options['type']}"
        for field in ("user", "role"):
            if options.get(field):
                yield f"{path}: seLinuxOptions.{field} is set"


def proc_mount(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """An unmasked /proc."""
    for path, context in contexts(spec):
        if context.get("procMount", "Default") != "Default":
            yield f"{path}: procMount is {context['procMount']}"


def sysctls(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Kernel settings that are felt outside the pod."""
    for sysctl in (spec.get("securityContext") or {}).get("sysctls") or []:
        if sysctl["name"] not in SAFE_SYSCTLS:
            yield f"pod: sysctl {sysctl['name']}"


def volume_types(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Volumes that reach the node or the network, hostPath among them."""
    for volume in spec.get("volumes") or []:
        if foreign := sorted(set(volume) - {"name"} - VOLUMES):
            yield f"volume {volume['name']}: {', '.join(foreign)}"


def privilege_escalation(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Programs that could gain rights."""
    for path, container in containers(spec):
        if (container.get("securityContext") or {}).get("allowPrivilegeEscalation") is not False:
            yield f"{path}: allowPrivilegeEscalation is not false"


def non_root(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Pods that may start as root: a container's word counts, or else the pod's."""
    pod = (spec.get("securityContext") or {}).get("runAsNonRoot")
    for path, container in containers(spec):
        if (container.get("securityContext") or {}).get("runAsNonRoot", pod) is not True:
            yield f"{path}: runAsNonRoot is not true"


def root_user(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """User 0."""
    for path, context in contexts(spec):
        if context.get("runAsUser") == 0:
            yield f"{path}: runAsUser is 0"


def seccomp(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """System calls without a filter: one has to be named, by each container or by the pod, and none switched off."""
    pod = ((spec.get("securityContext") or {}).get("seccompProfile") or {}).get("type")
    if pod not in {None, *PROFILES}:
        yield f"pod: seccompProfile.type is {pod}"
    for path, container in containers(spec):
        kind = ((container.get("securityContext") or {}).get("seccompProfile") or {}).get("type", pod)
        if kind not in PROFILES:
            yield f"{path}: seccompProfile.type is {kind}"


def capabilities(spec: Spec, _: dict[str, str]) -> Iterator[str]:
    """Root's rights one by one: all dropped, and none added but to bind low ports."""
    for path, container in containers(spec):
        rights = (container.get("securityContext") or {}).get("capabilities") or {}
        if "ALL" not in (rights.get("drop") or []):
            yield f"{path}: capabilities.drop has no ALL"
        if foreign := sorted(set(rights.get("add") or []) - {"NET_BIND_SERVICE"}):
            yield f"{path}: capabilities.add has {', '.join(foreign)}"


CONTROLS: tuple[Control, ...] = (
    host_process,
    host_namespaces,
    privileged,
    host_ports,
    host_probes,
    apparmor,
    selinux,
    proc_mount,
    sysctls,
    volume_types,
    privilege_escalation,
    non_root,
    root_user,
    seccomp,
    capabilities,
)
