#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What is installed works after it was moved, for a user with CMake and for one
# with pkg-config, shared and static, and says the version that it was built
# as.
#
# usage: install_consumer.sh BUILD VERSION CC
set -euo pipefail
build=$1
version=$2
cc=$3
consumer=$(cd "$(dirname "$0")/consumer" && pwd)

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cmake --install "$build" --prefix "$dir/first" >/dev/null
mv "$dir/first" "$dir/moved"
so=$(find "$dir/moved" -name libpptable.so)
export LD_LIBRARY_PATH=${so%/*}
export PKG_CONFIG_PATH=$LD_LIBRARY_PATH/pkgconfig

check() { # what program
	local said
	said=$("$2")
	if [ "$said" != "$version" ]; then
		echo "$1: ppt_version() says '$said', the build is '$version'"
		exit 1
	fi
}

cmake -G Ninja -S "$consumer" -B "$dir/cmake" -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_PREFIX_PATH="$dir/moved" >/dev/null
cmake --build "$dir/cmake" -- --quiet
check "CMake, shared" "$dir/cmake/shared"
check "CMake, static" "$dir/cmake/static"

pc() { pkg-config "$@" libpptable; }
# shellcheck disable=SC2046 # flags are words
"$cc" "$consumer/consumer.c" $(pc --cflags --libs) -o "$dir/shared"
check "pkg-config, shared" "$dir/shared"
rm "$LD_LIBRARY_PATH"/libpptable.so*
# shellcheck disable=SC2046
"$cc" "$consumer/consumer.c" $(pc --static --cflags --libs) -o "$dir/static"
check "pkg-config, static" "$dir/static"

if [ "$(pc --modversion)" != "$version" ]; then
	echo "libpptable.pc says $(pc --modversion), the build is $version"
	exit 1
fi
