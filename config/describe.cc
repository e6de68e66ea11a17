#include "config/describe.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "config/address.h"
#include "config/document.h"
#include "config/keys.h"

namespace tend::config {
namespace {

bool HasEffect(const Key& key) {
  return key.kind != Kind::kLater && key.kind != Kind::kIgnored;
}

std::string Code(std::string_view text) {
  return text.empty() ? "" : fmt::format("`{}`", text);
}

std::string Codes(std::string_view words) {
  std::string out;
  for (const std::string_view word : Words(words)) {
    out += out.empty() ? "" : " ";
    out += Code(word);
  }
  return out;
}

void TableOfKeys(std::string& out, Scope level) {
  out += "| key | takes | default | also called | flag | meaning |\n|---|---|---|---|---|---|\n";
  for (const Key& key : Keys()) {
    if (!HasEffect(key) || !IsIn(level, key)) continue;
    const std::string help =
        key.types.empty() ? std::string(key.help) : fmt::format("{} For {}.", key.help, key.types);
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", key.path, Expectation(key),
                       Code(key.fallback), Codes(key.aliases), Codes(key.flags), help);
  }
}

void TableOfOthers(std::string& out, Kind kind) {
  out += "| key | also called | meaning |\n|---|---|---|\n";
  for (const Key& key : Keys()) {
    if (key.kind != kind) continue;
    out +=
        fmt::format("| `{}`{} | {} | {} |\n", key.path,
                    key.scope == Scope::kTop ? " (of the file)" : "", Codes(key.aliases), key.help);
  }
}

// `yes` is what `true` means.
std::string QuotedChoices(const Key& key) {
  std::string all;
  for (const std::string_view choice : Words(key.choices)) {
    all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", choice);
    if (choice == "yes") all += ", true, false";
  }
  return all;
}

// The JSON Schema of one value, without braces.
std::string TypeOf(const Key& key) {
  switch (key.kind) {
    case Kind::kBool:
      return R"("type": "boolean")";
    case Kind::kInt:
      return fmt::format(R"("type": "integer", "minimum": {}, "maximum": {})", key.min, key.max);
    case Kind::kEnum:
      return fmt::format(R"("enum": [{}])", QuotedChoices(key));
    case Kind::kChoices:
      return fmt::format(R"("type": ["string", "array"], "items": {{"enum": [{}]}})",
                         QuotedChoices(key));
    case Kind::kPairs:
      return R"("type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]})";
    case Kind::kSize:
      return R"("type": ["string", "integer"], "pattern": "^[0-9.]+ *([KMGTkmgt](i?[Bb])?|[Bb])?$")";
    case Kind::kDuration:
      return R"("type": ["string", "number"], "pattern": "^[0-9.]+ *(ms|s|m|h|d|w)?$")";
    case Kind::kFsync:
      return R"("type": ["string", "number"], "pattern": "^(rotate|none|[0-9.]+ *(ms|s|m|h|d|w)?)$")";
    case Kind::kSchedule:
    case Kind::kTimeZone:
    case Kind::kRegex:
      return R"("type": "string")";
    case Kind::kCron:
      return R"("anyOf": [{"type": "string"}, {"enum": [0, false]}])";
    case Kind::kListen:
      return fmt::format(
          R"("type": ["string", "integer", "array"], "items": {{"type": ["string", "integer"]}}, "maxItems": {})",
          kListenMax);
    case Kind::kTcp:
      return R"("type": ["string", "integer"])";
    case Kind::kHttp:
      return R"--("type": "string", "pattern": "^(/|http://)")--";
    case Kind::kWatch:
      return R"("type": ["boolean", "string", "array"], "items": {"type": "string"})";
    case Kind::kStringList:
      return R"("type": ["string", "number", "array"], "items": {"type": ["string", "number", "boolean"]})";
    case Kind::kFilter:
      return R"("type": ["string", "array", "boolean"], "items": {"type": "string"}, "not": {"const": true})";
    case Kind::kRegexes:
      return R"("type": ["string", "array"], "items": {"type": "string"})";
    case Kind::kRate:
      return R"("type": ["string", "integer"], "pattern": "^[0-9]+(/s)?$")";
    case Kind::kEnv:
      return R"("type": "object")";
    case Kind::kExitCodes:
      return R"("type": ["integer", "string", "array"], "items": {"type": "integer", "minimum": 0, "maximum": 255})";
    case Kind::kSignal:
      return R"("type": ["string", "integer"])";
    case Kind::kInstances:
      return fmt::format(
          R"("anyOf": [{{"const": "max"}}, {{"type": "integer", "minimum": {}, "maximum": {}}}])",
          key.min, key.max);
    case Kind::kFile:
      if (key.path == "log_file") return R"("type": ["string", "boolean"])";
      return R"("type": "string")";
    case Kind::kString:
      return R"("type": ["string", "number"])";
    case Kind::kLater:
    case Kind::kIgnored:
      break;
  }
  return R"("type": "string")";
}

std::string Indent(int depth) {
  return std::string(static_cast<std::size_t>(depth) * 2, ' ');
}

// "properties": {...} of the level below `group`, with the groups in it.
void Properties(std::string& out, Scope level, const std::string& group, int depth) {
  out += Indent(depth) + "\"properties\": {";
  bool first = true;
  for (const std::string& name : NamesBelow(level, group)) {
    const std::string path = group.empty() ? name : group + '.' + name;
    const KeyMatch match = FindKey(level, path);
    const bool is_group = IsGroup(level, path);
    const bool is_key = match.key != nullptr && !match.is_alias && HasEffect(*match.key);
    if (!is_group && !is_key) continue;
    out += fmt::format("{}\n{}{}: {{", first ? "" : ",", Indent(depth + 1), Quoted(name));
    first = false;
    if (!is_group) {
      out += fmt::format("{}, \"description\": {}}}", TypeOf(*match.key), Quoted(match.key->help));
      continue;
    }
    if (is_key) {
      out += fmt::format("\"description\": {}, \"anyOf\": [{{{}}}, {{\n", Quoted(match.key->help),
                         TypeOf(*match.key));
    } else {
      out += '\n';
    }
    out += Indent(depth + 2) + "\"type\": \"object\", \"additionalProperties\": false,\n";
    Properties(out, level, path, depth + 2);
    out += fmt::format("\n{}}}{}", Indent(depth + 1), is_key ? "]}" : "");
  }
  // The list of apps and the entries of sections are no keys: they are where other keys are.
  if (level == Scope::kTop && group.empty()) {
    out += fmt::format(
        ",\n{0}\"apps\": {{\"type\": \"array\", \"items\": {{\"$ref\": "
        "\"#/definitions/app\"}}}}",
        Indent(depth + 1));
    for (const auto& [section, entry] :
         {std::pair("export", "exporter"), std::pair("notify", "receiver")}) {
      out += fmt::format(
          ",\n{}\"{}\": {{\"type\": [\"object\", \"null\"], \"additionalProperties\": {{\"$ref\": "
          "\"#/definitions/{}\"}}}}",
          Indent(depth + 1), section, entry);
    }
  }
  out += '\n' + Indent(depth) + '}';
}

// `type`: of the exporter or receiver whose keys these are.
void ExampleKeys(std::string& out,
                 Scope level,
                 const std::string& indent,
                 std::string_view type = "") {
  std::string open;
  for (const Key& key : Keys()) {
    const bool is_log = key.path.starts_with("logs.");
    if (!HasEffect(key) || !IsIn(level, key)) continue;
    // At an app, `logs` is the same as at the top.
    if ((is_log && level == Scope::kApp) || key.path.starts_with("env") || key.path == "script" ||
        key.path == "name" || key.path == "logs.compress" || key.path == "limits.memory") {
      continue;
    }
    if (!key.types.empty() && key.types.find(type) == std::string_view::npos) continue;
    std::string name(key.path);
    std::string inner = indent;
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
      const std::string group = name.substr(0, dot + 1);
      name.erase(0, dot + 1);
      const std::string heading = inner + "# " + group.substr(0, dot) + ":\n";
      if (open.find(heading) == std::string::npos) out += heading;
      open += heading;
      inner += "  ";
    }
    std::string shown = key.fallback.empty() ? std::string("…") : std::string(key.fallback);
    if (!type.empty() && key.path == "type") shown = type;
    if (!type.empty() && key.path == "url") shown = "http://127.0.0.1:3100";
    out += fmt::format("{}# {}: {}  # {}\n", inner, name, shown, key.help);
  }
}

}  // namespace

std::string ConfigMarkdown() {
  std::string out =
      "# Configuration\n\n"
      "Printed from the table of keys (`config/keys.def`); `TEND_BLESS=1` with the tests writes it "
      "anew.\n\n"
      "`tend start` reads `tend.yaml` (or `.yml`, `.json`) and PM2's `ecosystem.config.js` "
      "(`.cjs`, "
      "`.mjs`, `.json`,\n`.yaml`). In `tend.yaml` a key that tend does not know is an error; in "
      "PM2's "
      "files it is a warning, as `--strict` makes\nit an error there, too. Every key is also "
      "accepted in camelCase: `maxRestarts`.\n\n"
      "Sizes: `K`, `M`, `G` are powers of 1024. Durations: `ms`, `s`, `m`, `h`, `d`.\n\n"
      "## The file\n\n";
  TableOfKeys(out, Scope::kTop);
  out += "| `apps` | a list of apps |  |  |  | The apps; `pm2` in PM2's files. |\n";
  out += "\n## An app\n\n`logs` at the top of the file is the default of every app.\n\n";
  TableOfKeys(out, Scope::kApp);
  out +=
      "\n## An exporter\n\nAn entry of `export`, under a name of its own: `export: {loki: {url: "
      "http://loki:3100}}`. What a key means nothing to\nmay not have it. A secret does not stand "
      "here: a key that ends with `_file` names the file that holds it, and a\nrelative path is "
      "one "
      "beside the configuration.\n\n";
  TableOfKeys(out, Scope::kExporter);
  out += "\n## A receiver\n\nAn entry of `notify`, under a name of its own.\n\n";
  TableOfKeys(out, Scope::kReceiver);
  out +=
      "\n## Not supported yet\n\nA warning in PM2's files, an error in `tend.yaml` and as a "
      "flag.\n\n";
  TableOfOthers(out, Kind::kLater);
  out += "\n## PM2's keys without meaning here\n\nAccepted in PM2's files, without effect.\n\n";
  TableOfOthers(out, Kind::kIgnored);
  return out;
}

std::string ConfigSchemaJson() {
  std::string out =
      "{\n"
      "  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
      "  \"title\": \"tend.yaml\",\n"
      "  \"type\": \"object\",\n"
      "  \"additionalProperties\": false,\n";
  Properties(out, Scope::kTop, "", 1);
  out +=
      ",\n  \"definitions\": {\n    \"app\": {\n      \"type\": \"object\",\n"
      "      \"required\": [\"script\"],\n"
      "      \"additionalProperties\": false,\n"
      "      \"patternProperties\": {\"^env_\\\\S*$\": {\"type\": \"object\"}},\n";
  Properties(out, Scope::kApp, "", 3);
  for (const auto& [name, scope] :
       {std::pair("exporter", Scope::kExporter), std::pair("receiver", Scope::kReceiver)}) {
    out += fmt::format(
        "\n    }},\n    \"{}\": {{\n      \"type\": \"object\",\n"
        "      \"additionalProperties\": false,\n",
        name);
    Properties(out, scope, "", 3);
  }
  out += "\n    }\n  }\n}\n";
  return out;
}

std::string ConfigExampleYaml() {
  std::string out =
      "# Everything that tend.yaml may say. What stands behind a # is the default, or … where "
      "there "
      "is none.\n"
      "# yaml-language-server: $schema=tend.schema.json\n\n";
  ExampleKeys(out, Scope::kTop, "");
  out += "\n# export:\n  # mine:\n";
  ExampleKeys(out, Scope::kExporter, "    ", "loki");
  out += "\n# notify:\n  # ops:\n";
  ExampleKeys(out, Scope::kReceiver, "    ", "webhook");
  out +=
      "\napps:\n"
      "  - name: api\n"
      "    script: server.js\n"
      "    # logs: { max_size: 20M }  # as above, for this app\n"
      "    env:\n"
      "      NODE_ENV: production\n"
      "    # env_staging: { NODE_ENV: staging }  # with --env staging\n";
  ExampleKeys(out, Scope::kApp, "    ");
  return out;
}

}  // namespace tend::config
