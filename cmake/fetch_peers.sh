#!/usr/bin/env bash
# Mail servers that tests talk to and that can't be installed beside Postfix (Debian lets one mail
# transport agent be installed): their packages, and the libraries the machine lacks, unpacked into a
# directory. Nothing of the system is changed. Argument: the directory.
# Without the network it keeps what is there; a missing server is told, and its tests skip themselves.
set -euo pipefail
into=${1:?the directory to unpack into}
declare -A programs=([exim4-daemon-light]=usr/sbin/exim4 [opensmtpd]=usr/sbin/smtpd)
mkdir -p "$into"
into=$(cd "$into" && pwd)
status=0
for package in "${!programs[@]}"; do
    root=$into/$package
    if [ -e "$root/${programs[$package]}" ]; then
        continue
    fi
    rm -rf "$root.part"
    mkdir -p "$root.part"
    # What apt would install, had Postfix not to stay.
    if mapfile -t needed < <(apt-get -s -o Debug::NoLocking=1 install --no-install-recommends "$package" |
        awk '/^Inst/ { print $2 }') &&
        [ ${#needed[@]} -gt 0 ] &&
        (cd "$root.part" && apt-get download -qq "${needed[@]}") >/dev/null; then
        for deb in "$root.part"/*.deb; do
            dpkg-deb -x "$deb" "$root.part"
        done
        rm -f "$root.part"/*.deb
        rm -rf "$root"
        mv "$root.part" "$root"
        echo "unpacked: $package"
    else
        rm -rf "$root.part"
        echo "not available: $package (its tests are skipped)" >&2
        status=1
    fi
done
exit $status
