#include "cli/json_text.h"

#include <nlohmann/json.hpp>

#include "core/utf8.h"

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

Json storable(const Json& json) {
  if (json.is_string()) return to_utf8(json.get_ref<const std::string&>());
  if (!json.is_structured()) return json;
  Json copy = json.is_object() ? Json::object() : Json::array();
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) copy[to_utf8(key)] = storable(value);
  } else {
    for (const Json& value : json) copy.push_back(storable(value));
  }
  return copy;
}

}  // namespace

std::string json_text(const Json& json, int indent) {
  return storable(json).dump(indent) + "\n";
}

}  // namespace tessera
