#!/usr/bin/env python3
"""Sizes: files of at most 600 lines, functions of at most 70, a core that stays thin."""
import re

import tree

FILE_MAX = 600
FUNCTION_MAX = 70
# Keeper and core, in lines of code without blank and comment lines (docs/decisions/0004).
CORE_MAX = 5500
# supervisor/ports/, which is a part of the core that nothing but its two headers ties to the rest.
PORTS_MAX = 2000
# Vendored or tables by nature.
EXEMPT_FILES = re.compile(r".*\.def|.*package-lock\.json")
# Opens something that is no function body.
NOT_A_BODY = re.compile(r"^\s*(namespace\b|extern\s+\"C\"|(typedef\s+)?(class|struct|union|enum)\b)|=\s*\{?\s*$|=\s*\{")


def strip(line):
    """Without strings, characters and comments, so that what is left has only real braces."""
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(\\.|[^'\\])'", "' '", line)
    return line.split("//")[0]


def functions(text):
    """(first line, length) of every function body: the outermost block that is opened after ')'."""
    text = re.sub(r'R"(\w*)\((.*?)\)\1"', lambda m: '""' + "\n" * m.group(0).count("\n"), text, flags=re.S)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    stack, head = [], ""
    for number, raw in enumerate(text.split("\n"), 1):
        if raw.lstrip().startswith("#"):
            continue
        for char in strip(raw) + "\n":
            if char == "{":
                is_body = ")" in head and not NOT_A_BODY.search(head.strip())
                inside = any(body for body, _ in stack)
                stack.append((is_body and not inside, number))
                head = ""
            elif char == "}":
                if stack:
                    body, begun = stack.pop()
                    if body:
                        yield begun, number - begun + 1
                head = ""
            elif char == ";":
                head = ""
            else:
                head += char


problems = []
lines = {}
longest = (0, "")
for name in tree.files(".h", ".cc", ".c", ".def", ".py", ".js", ".cjs"):
    content = tree.text(name)
    count = content.count("\n")
    folder = name.split("/")[0]
    if name.endswith((".h", ".cc", ".def")):
        lines[folder] = lines.get(folder, 0) + count
    if count > FILE_MAX and not EXEMPT_FILES.fullmatch(name):
        problems.append(f"{name}: {count} lines, at most {FILE_MAX}")
    if name.endswith((".h", ".cc", ".c")):
        for begun, length in functions(content):
            longest = max(longest, (length, f"{name}:{begun}"))
            if length > FUNCTION_MAX:
                problems.append(f"{name}:{begun}: a function of {length} lines, at most {FUNCTION_MAX}")


def code_lines(names):
    return sum(1 for n in names for line in tree.text(n).splitlines() if not re.fullmatch(r"\s*(//.*)?", line))


# supervisor/sidecar/ wires the observation; it is no part of the core.
everything = tree.files(".h", ".cc", under="supervisor")
wiring = [n for n in everything if n.startswith("supervisor/sidecar/")]
hosting = [n for n in everything if n.startswith("supervisor/ports/")]
core = code_lines(n for n in everything if n not in wiring and n not in hosting)
ports = code_lines(hosting)
observation = code_lines(
    wiring + [n for f in ("collector", "rotate", "exporter") for n in tree.files(".h", ".cc", ".def", ".cjs", under=f)])
if core > CORE_MAX:
    problems.append(f"keeper and core: {core} lines of code, at most {CORE_MAX}")
if ports > PORTS_MAX:
    problems.append(f"ports: {ports} lines of code, at most {PORTS_MAX}")
if observation < core:
    problems.append(f"observation: {observation} lines of code, less than the core's {core}")
per_folder = ", ".join(f"{folder} {lines[folder]}" for folder in tree.CODE_FOLDERS if folder in lines)
tree.finish(problems, f"lines: {per_folder}; core {core}, ports {ports}, observation {observation}, longest function {longest[0]} ({longest[1]})")
