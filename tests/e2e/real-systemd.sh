#!/bin/bash
# A machine for tests: a real systemd with journal, bus, logind and a user whose manager lingers, booted in
# namespaces of its own on a copy-on-write view of this host. Same paths, same programs; no network but its own
# loopback; whatever it writes lives in memory and is gone when the machine is.
#
#   real-systemd.sh check                status 0, or 77 and a line that says what this host lacks
#   real-systemd.sh hold DIR             keeps a machine in the empty folder DIR while its stdin is open, and
#                                        obeys one word a line: boot, reboot, crash (power cut), off.
#                                        Answers each with "up PID", "down" or "failed WHY".
#   real-systemd.sh run PID USER CMD...  runs CMD in the machine whose init is PID, as root or as tester
set -u

readonly TESTER=tester TESTER_ID=1500 BOOT_SECONDS=60
readonly PATIENCE=0.05 # seconds between two looks

lack() { echo "$1"; exit 77; }

# ---- check: before anything is touched ---------------------------------------------------------------
check() {
    [ "$(id -u)" -eq 0 ] || lack "needs root"
    local tool kind
    for tool in unshare nsenter setpriv pivot_root mount systemctl loginctl dbus-daemon journalctl; do
        command -v "$tool" >/dev/null || lack "no $tool on this host"
    done
    [ -x /lib/systemd/systemd ] || lack "systemd is not installed"
    compgen -G '/usr/lib/*/security/pam_systemd.so' >/dev/null || lack "no pam_systemd (libpam-systemd)"
    for kind in overlay tmpfs cgroup2; do
        grep -qw "$kind" /proc/filesystems || lack "no $kind in this kernel"
    done
    unshare -m true 2>/dev/null || lack "no new namespaces allowed here"
    [ -n "$(unified_cgroups)" ] || lack "no cgroup v2 below /sys/fs/cgroup"
}

unified_cgroups() {
    local place
    for place in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ "$(stat --file-system --format=%T "$place" 2>/dev/null)" = cgroup2fs ] && { echo "$place"; return; }
    done
}

# ---- run: from outside into the machine ----------------------------------------------------------------
run() {
    local init=$1 user=$2
    shift 2
    local group
    group=$(unified_cgroups)$(sed -n 's/^0:://p' "/proc/$init/cgroup")
    group=${group%/init.scope}/visitors # a cgroup with processes may have no children: so not systemd's own
    mkdir -p "$group" && echo $$ >"$group/cgroup.procs" || exit 70
    local into=(nsenter --target "$init" --mount --pid --uts --ipc --net --cgroup --wdns=/)
    [ "$user" = root ] && exec "${into[@]}" "$@"
    exec "${into[@]}" setpriv --reuid "$TESTER_ID" --regid "$TESTER_ID" --clear-groups \
        env HOME="/home/$TESTER" USER="$TESTER" LOGNAME="$TESTER" XDG_RUNTIME_DIR="/run/user/$TESTER_ID" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$TESTER_ID/bus" "$@"
}

# ---- hold: the supervisor --------------------------------------------------------------------------------
hold() {
    check
    DIR=$(readlink -f "$1")
    GROUP=$(unified_cgroups)/tm-machine-$$
    mkdir "$GROUP" || lack "no cgroup can be made here"
    trap 'cut_power; clear_cgroup; umount -R "$DIR" 2>/dev/null' EXIT
    trap 'exit 1' TERM INT HUP
    mount -t tmpfs -o mode=755 tmpfs "$DIR" && mkdir "$DIR"/{changes,work,root} && furnish || lack "no overlay here"
    local word
    while read -r word; do
        case $word in
            boot) power_on ;;
            reboot) power_off reboot; power_on ;;
            crash) cut_power; power_on ;;
            off) power_off poweroff; echo down ;;
            *) echo "failed unknown word $word" ;;
        esac
    done
}

overlay() { # the machine's disk: this host below, its own changes above
    mount -t overlay -o "lowerdir=/,upperdir=$DIR/changes,workdir=$DIR/work" overlay "$1"
}

furnish() { # once, before the first boot: what makes it a machine of its own
    overlay "$DIR/root" || return 1
    local disk=$DIR/root unit
    rm -rf "$disk"/etc/systemd/{system,user}/*.wants "$disk"/var/lib/systemd/{linger,timers} "$disk"/etc/machine-id
    mkdir -p "$disk"/etc/systemd/{system,system-generators} "$disk"/etc/tmpfiles.d "$disk"/var/log/journal \
        "$disk"/var/lib/systemd/linger "$disk/home/$TESTER"
    tr -d - </proc/sys/kernel/random/uuid >"$disk/etc/machine-id"
    echo tm-machine >"$disk/etc/hostname"
    : >"$disk/etc/fstab"
    # nothing that looks for hardware, for the network, or that empties /tmp, where the tests have their files
    for unit in "$disk"/lib/systemd/system-generators/*; do
        ln -sf /dev/null "$disk/etc/systemd/system-generators/${unit##*/}"
    done
    for unit in getty.target systemd-udevd.service systemd-networkd.service systemd-resolved.service \
        systemd-timesyncd.service systemd-firstboot.service systemd-journald-audit.socket \
        systemd-tmpfiles-clean.service systemd-tmpfiles-clean.timer; do
        ln -sf /dev/null "$disk/etc/systemd/system/$unit"
    done
    ln -sf /dev/null "$disk/etc/tmpfiles.d/tmp.conf"
    echo "$TESTER:x:$TESTER_ID:$TESTER_ID::/home/$TESTER:/bin/bash" >>"$disk/etc/passwd"
    echo "$TESTER:x:$TESTER_ID:" >>"$disk/etc/group"
    echo "$TESTER:*:19000:0:99999:7:::" >>"$disk/etc/shadow"
    chown "$TESTER_ID:$TESTER_ID" "$disk/home/$TESTER"
    : >"$disk/var/lib/systemd/linger/$TESTER"
    chmod o+x "$disk/root" # the interpreter may live below it
    umount "$disk"
}

power_on() {
    (
        mkdir -p "$GROUP/inside" && echo "$BASHPID" >"$GROUP/inside/cgroup.procs" || exit 70
        exec setpriv --pdeathsig KILL unshare --fork --kill-child --pid --mount --propagation private --uts --ipc \
            --net --cgroup bash "$0" --init "$DIR" 2>"$DIR/init.log"
    ) </dev/null >/dev/null &
    HOLDER=$!
    local until=$((SECONDS + BOOT_SECONDS)) state=
    INIT=
    while [ "$SECONDS" -lt "$until" ]; do
        kill -0 "$HOLDER" 2>/dev/null || break
        INIT=$(tr -d ' ' <"/proc/$HOLDER/task/$HOLDER/children" 2>/dev/null)
        if [ -n "$INIT" ] && [ "$(cat "/proc/$INIT/comm" 2>/dev/null)" = systemd ]; then
            state=$(manager_state root)
            if [ "$state" = up ] && { ! lingers || [ "$(manager_state "$TESTER" --user)" = up ]; }; then
                echo "up $INIT"
                return
            fi
        fi
        sleep "$PATIENCE"
    done
    echo "failed the machine did not come up: $(tr '\n' ' ' <"$DIR/init.log")"
}

lingers() { [ -e "/proc/$INIT/root/var/lib/systemd/linger/$TESTER" ]; }

manager_state() { # USER [--user]
    local user=$1
    shift
    case $(bash "$0" run "$INIT" "$user" systemctl "$@" is-system-running 2>/dev/null) in
        running | degraded) echo up ;;
    esac
}

power_off() { # reboot or poweroff, cleanly; a machine that will not is cut off
    bash "$0" run "$INIT" root systemctl "$1" >/dev/null 2>&1
    local until=$((SECONDS + 30))
    while kill -0 "$HOLDER" 2>/dev/null && [ "$SECONDS" -lt "$until" ]; do sleep "$PATIENCE"; done
    cut_power
}

cut_power() { # everything at once, nothing is told
    [ -n "${HOLDER-}" ] || return 0
    echo 1 >"$GROUP/inside/cgroup.kill" 2>/dev/null || kill -KILL "${INIT:-$HOLDER}" 2>/dev/null
    wait "$HOLDER" 2>/dev/null
    HOLDER=
}

clear_cgroup() {
    local round
    for round in 1 2 3 4 5 6 7 8 9 10; do
        find "$GROUP" -depth -type d -exec rmdir {} + 2>/dev/null
        [ -d "$GROUP" ] || return
        sleep 0.1
    done
}

# ---- init: within the new namespaces, lay the ground under systemd and become it --------------------------
become_init() {
    set -e
    DIR=$1
    local root=$DIR/root pair
    overlay "$root"
    mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys" # read-only: no sysctl of the machine is the host's
    mount -o remount,bind,ro "$root/proc/sys"
    cat /proc/sys/kernel/random/uuid >"$DIR/boot-id" # the journal tells boots apart by it
    mount --bind "$DIR/boot-id" "$root/proc/sys/kernel/random/boot_id"
    mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
    for pair in null:3 zero:5 full:7 random:8 urandom:9; do
        mknod -m 666 "$root/dev/${pair%:*}" c 1 "${pair#*:}"
    done
    mknod -m 666 "$root/dev/tty" c 5 0
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
    mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
    for pair in ptmx:pts/ptmx fd:/proc/self/fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
        ln -s "${pair#*:}" "$root/dev/${pair%:*}"
    done
    mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$root/run"
    hostname tm-machine
    mkdir "$root/run/host"
    cd "$root"
    pivot_root . run/host
    cd /
    umount --lazy /run/host
    rmdir /run/host
    # container= tells systemd that there is no hardware to look after
    exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-mac_admin --inh-caps=-all \
        env --ignore-environment container=tm-machine LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=multi-user.target --show-status=0 --log-target=journal-or-kmsg
}

case ${1-} in
    check) check ;;
    hold) shift; exec unshare --mount --propagation private bash "$0" --held "$@" ;;
    --held) shift; hold "$@" ;;
    run) shift; run "$@" ;;
    --init) shift; become_init "$@" ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
