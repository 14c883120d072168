#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: MariaDB, Mosquitto, Chromium (Debian packages, no service is
# started) and a Python environment in target/venv. Running it again costs nothing.
#
#   test-setup.sh chaos      also what breaks disks, clocks and networks: strace, libfaketime, nftables
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || wanted+=(mariadb-server)
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || wanted+=(mosquitto)
command -v mosquitto_pub >/dev/null || wanted+=(mosquitto-clients)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || wanted+=(chromium)
python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
if [ "${1:-}" = chaos ]; then
  command -v strace >/dev/null || wanted+=(strace)
  command -v faketime >/dev/null || wanted+=(faketime)
  command -v nft >/dev/null || [ -x /usr/sbin/nft ] || wanted+=(nftables)
fi

if [ ${#wanted[@]} -gt 0 ] && ! command -v apt-get >/dev/null; then
  echo "Please install ${wanted[*]} (Debian names); tests that need them are skipped." >&2
  [ "${CI:-}" != true ]
elif [ ${#wanted[@]} -gt 0 ]; then
  echo "Installing ${wanted[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }

  # Installing must not start the system's own servers: policy-rc.d is how Debian asks (101 = do not).
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    trap '"${as_root[@]}" rm -f $policy' EXIT
  fi
  apt install -y --no-install-recommends "${wanted[@]}" 2>/dev/null ||
    { apt update && apt install -y --no-install-recommends "${wanted[@]}"; }
fi

if ! cmp -s devops/test-requirements.txt target/venv/requirements.txt; then
  if python3 -m venv --clear target/venv && target/venv/bin/pip install --quiet --disable-pip-version-check \
    --require-hashes -r devops/test-requirements.txt; then
    cp devops/test-requirements.txt target/venv/requirements.txt
  else
    echo "The Python clients for the interoperability tests could not be installed; those tests are skipped." >&2
    [ "${CI:-}" != true ]
  fi
fi
