#include "formats/json.h"

#include <istream>

#include "core/text.h"

namespace tessera {
namespace {

/// JSON is UTF-8, names of files may not be: see to_utf8.
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

Json parse_json(std::string_view text) { return Json::parse(text); }

Json parse_json(std::istream& stream) { return Json::parse(stream); }

Json try_parse_json(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

Json try_parse_json(std::istream& stream) {
  return Json::parse(stream, nullptr, /*allow_exceptions=*/false);
}

std::string reason_of(const nlohmann::json::exception& error) {
  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
  const std::string_view text = error.what();
  const std::size_t end = text.find("] ");
  return shown(end == std::string_view::npos ? text : text.substr(end + 2));
}

std::string json_text(const Json& json, int indent) { return storable(json).dump(indent); }

}  // namespace tessera
