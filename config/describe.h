// What is printed from the table of keys for people and editors. Committed, and golden-tested.
#pragma once

#include <string>

namespace tend::config {

std::string ConfigMarkdown();     // docs/reference/config.md
std::string ConfigSchemaJson();   // docs/reference/tend.schema.json
std::string ConfigExampleYaml();  // config/dist/tend.example.yaml

}  // namespace tend::config
