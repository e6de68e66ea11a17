#!/usr/bin/env python3
"""Every folder of code has a README that names each of its units, so that a map is never older than
the land, and none that is gone."""
import pathlib
import re

import tree

LINES_MAX = 60
problems = []
units = 0
for folder in [*tree.CODE_FOLDERS, "exporter/ship", "supervisor/ports", "supervisor/probes"]:
    readme = tree.ROOT / folder / "README.md"
    if not readme.is_file():
        problems.append(f"{folder}/README.md is missing")
        continue
    content = readme.read_text(encoding="utf-8")
    if content.count("\n") > LINES_MAX:
        problems.append(f"{folder}/README.md: more than {LINES_MAX} lines")
    words = set(re.findall(r"\w[\w-]*", content))
    families = re.findall(r"(\w+)…", content)  # `fleet…`: all whose names begin so
    # A folder inside it may have a map of its own.
    there = {pathlib.PurePosixPath(n).name for n in tree.files(".h", ".cc", ".def", ".cjs", under=folder)
             if pathlib.PurePosixPath(n).parent == pathlib.PurePosixPath(folder)
             or not (tree.ROOT / pathlib.PurePosixPath(n).parent / "README.md").is_file()}
    for stem in sorted({name.rsplit(".", 1)[0] for name in there}):
        units += 1
        if stem not in words and not any(stem.startswith(prefix) for prefix in families):
            problems.append(f"{folder}/README.md does not name {stem}")
    for name in sorted(set(re.findall(r"[\w-]+\.(?:h|cc|def|cjs)\b", content))):
        if name not in there and not any(n.endswith("/" + name) for n in tree.files()):
            problems.append(f"{folder}/README.md names {name}, which is not there")
tree.finish(problems, f"{units} units")
