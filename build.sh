#!/usr/bin/env bash
# ./build.sh TASK: demo, test, bench, api, prebuilt, pack. Without a task: what each of them does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet tool restore >/dev/null
exec dotnet cake build.cake --target="${1:-help}" "${@:2}"
