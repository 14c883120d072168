#!/usr/bin/env bash
# Says in one line each what is missing to build Cellar; exits 1 if anything is.
set -u
missing=0

need() { # need COMMAND MINIMUM FOUND REMEDY
  if [ -z "$3" ]; then
    echo "Missing: $1 ($2 or newer). $4" >&2
  elif [ "$(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1)" != "$2" ]; then
    echo "Too old: $1 is $3, $2 or newer is needed. $4" >&2
  else
    return
  fi
  missing=1
}

need cargo 1.95 "$(cargo --version 2>/dev/null | awk '{print $2}')" "Install Rust with rustup, or run: rustup update stable"
need node 20 "$(node --version 2>/dev/null | tr -d v)" "Install Node.js with its npm from your distribution or nodejs.org."
need npm 9 "$(npm --version 2>/dev/null)" "npm comes with Node.js; Debian has it as a package of its own."
need python3 3.9 "$(python3 --version 2>/dev/null | awk '{print $2}')" "Install python3 from your distribution."
command -v cc >/dev/null || { echo "Missing: a C compiler (for the bundled SQLite). Install gcc or clang." >&2; missing=1; }
exit $missing
