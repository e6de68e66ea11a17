#!/usr/bin/env python3
"""Which folder may include which, and which file which library. CMake refuses the first at compile
time; this says it in one place, and closes the hole that the three mains leave."""
import re

import tree

MAY_INCLUDE = {
    "base": {"base"},
    "config": {"base", "config"},
    "collector": {"base", "config", "collector"},
    "rotate": {"base", "config", "rotate"},
    "exporter": {"base", "config", "exporter"},
    "supervisor": {"base", "config", "supervisor"},
    "cli": {"base", "config", "cli"},
}
# Where all is wired together. Nothing else may reach into supervisor/sidecar/.
COMPOSITION_ROOTS = re.compile(r"supervisor/(sidecar/\w+\.(h|cc)|\w+_main\.cc)")
# The folders of supervisor/, and which of them each may include.
SUPERVISOR = {
    "supervisor/ports": {"supervisor/ports"},
    "supervisor/probes": {"supervisor/probes"},
    "supervisor": {"supervisor", "supervisor/ports"},
    "supervisor/control": {"supervisor/control", "supervisor", "supervisor/ports"},
}
# Of config/, the data path takes plain structs only.
STRUCTS_ONLY = {"collector", "rotate", "exporter"}
STRUCTS = {"config/config.h", "config/observe.h"}

# Heavy or replaceable libraries: who may include them.
LIBRARIES = {
    r"boost/asio": r"base/loop_asio\.cc|exporter/http_server\.cc",
    r"boost/beast": r"exporter/http_server\.cc",
    r"boost/json": r"(base|config|collector|rotate|exporter|supervisor|cli)/((sidecar|ports|control|ship|alert)/)?\w+\.cc",
    r"curl/": r"exporter/ship/http_client\.cc",
    r"(protozero/|snappy\.h)": r"exporter/ship/\w+\.cc",
    r"openssl/": r"exporter/(ship|alert)/\w+\.cc",
    r"re2/": r"base/pattern\.cc",
    r"boost/": r"(base|exporter)/\w+\.cc",
    r"spdlog/": r"base/log\.cc",
    r"fmt/": r"\w+/\w+\.cc",
    r"prometheus/": r"exporter/\w+\.(cc|h)",
    r"zstd\.h": r"rotate/\w+\.cc",
    r"zlib\.h": r"exporter/\w+\.cc",
    r"yaml-cpp/": r"config/document\w*\.cc",
    r"CLI/": r"cli/\w+\.cc",
    r"date/": r"(base|cli|config|rotate)/\w+\.cc",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)

problems = []
count = 0
for folder in tree.CODE_FOLDERS:
    for name in tree.files(".h", ".cc", ".def", under=folder):
        count += 1
        for ours, theirs in INCLUDE.findall(tree.text(name)):
            if ours:
                target = ours.split("/")[0]
                if "/" not in ours:
                    problems.append(f'{name}: "{ours}" is not written from the root of the tree')
                elif COMPOSITION_ROOTS.fullmatch(name):
                    continue
                elif target == "supervisor" == folder and ours.rpartition("/")[0] not in SUPERVISOR[name.rpartition("/")[0]]:
                    problems.append(f"{name}: {name.rpartition('/')[0]} must not include {ours}")
                elif target not in MAY_INCLUDE[folder]:
                    problems.append(f"{name}: {folder} must not include {ours}")
                elif target == "config" and folder in STRUCTS_ONLY and ours not in STRUCTS:
                    problems.append(f"{name}: {folder} may use {', '.join(sorted(STRUCTS))} only, not {ours}")
            else:
                for library, allowed in LIBRARIES.items():
                    if re.match(library, theirs):
                        if not re.fullmatch(allowed, name):
                            problems.append(f"{name}: <{theirs}> belongs in {allowed}")
                        break
tree.finish(problems, f"{count} files")
