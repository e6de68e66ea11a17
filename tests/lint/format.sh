#!/bin/sh
# Sources are as clang-format writes them. Skipped where it is not installed.
cd "$(dirname "$0")/../.." || exit 1
if ! command -v clang-format >/dev/null; then
  echo "skipped: clang-format is not installed"
  exit 77
fi
git ls-files -z --cached --others --exclude-standard '*.h' '*.cc' '*.c' |
  xargs -0 clang-format --dry-run -Werror
