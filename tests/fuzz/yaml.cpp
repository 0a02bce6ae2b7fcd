// Any text is a tree of YAML whose marks lie in it, or a ConfigError of one line.
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "files/yaml_tree.h"

namespace {

using namespace tessera;

void check(const YamlNode& node, int depth) {
  if (depth > 32 || describe(node).empty()) std::abort();
  for (const YamlNode& item : node.items) check(item, depth + 1);
  for (const YamlEntry& entry : node.entries) {
    if (node.find(entry.key) != &entry) std::abort();  // keys are unique
    check(entry.value, depth + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    Problems problems;
    check(parse_yaml(text, "f.yaml", problems), 0);
  } catch (const ConfigError& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
  return 0;
}
