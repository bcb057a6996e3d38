#!/bin/sh
# Find Chromium, or get it: from the system's packages when that is possible, else
# Playwright's own build. The tests look it up in the same order.
set -eu
for name in chromium chromium-browser google-chrome; do
	if command -v "$name" >/dev/null 2>&1; then
		exit 0
	fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null
else
	"$1/playwright" install chromium
fi
