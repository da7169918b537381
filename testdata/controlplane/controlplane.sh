#!/usr/bin/env bash
# Runs cmd/controlplane, which is built on the way: controlplane.sh COMMAND. The other scripts are its commands.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v go >/dev/null || { echo "controlplane: no go on the PATH: install Go (https://go.dev/doc/install)" >&2; exit 1; }
tool=${XDG_CACHE_HOME:-$HOME/.cache}/orka/controlplane/controlplane
go build -buildvcs=false -o "$tool" ./cmd/controlplane
exec "$tool" "$@"
