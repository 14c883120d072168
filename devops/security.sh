#!/usr/bin/env bash
# Installs the scanners into target/venv-security and runs them; arguments choose among sqlmap and wapiti.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cmp -s devops/security-requirements.txt target/venv-security/requirements.txt; then
  python3 -m venv --clear target/venv-security
  target/venv-security/bin/pip install --quiet --disable-pip-version-check --require-hashes \
    -r devops/security-requirements.txt
  cp devops/security-requirements.txt target/venv-security/requirements.txt
fi
cargo build
exec devops/security.py "$@"
