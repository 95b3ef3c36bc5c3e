#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Manual pages are well-formed.
set -euo pipefail
cd "$(dirname "$0")/../../docs/man"
mandoc -T lint -W warning ./*.[1-8]
