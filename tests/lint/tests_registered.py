#!/usr/bin/env python3
"""Every test file is named in the CMakeLists.txt of its folder: one that is not never runs. And
every program that CMake names as a test is there."""
import pathlib
import re

import tree

problems = []
found = tree.files("_test.cc", "_test.py", "_fuzz.cc", under="tests")
for name in found:
    path = pathlib.PurePosixPath(name)
    lists = tree.ROOT / path.parent / "CMakeLists.txt"
    if not lists.is_file():
        problems.append(f"{name}: its folder has no CMakeLists.txt")
        continue
    words = re.findall(r"[\w.-]+", re.sub(r"#.*", "", lists.read_text()))
    if path.name not in words and path.stem not in words:
        problems.append(f"{name}: not registered in {path.parent}/CMakeLists.txt")
for name in tree.files("CMakeLists.txt", under="tests"):
    folder = pathlib.PurePosixPath(name).parent
    for word in re.findall(r"[\w-]+_(?:test|fuzz)\.(?:cc|py)", tree.text(name)):
        if not (tree.ROOT / folder / word).is_file():
            problems.append(f"{name}: names {word}, which is not there")
tree.finish(problems, f"{len(found)} test files")
