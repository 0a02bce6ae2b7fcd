#include "formats/json.h"

#include <istream>

namespace tessera {

Json parse_json(std::string_view text) { return Json::parse(text); }

Json parse_json(std::istream& stream) { return Json::parse(stream); }

Json try_parse_json(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

Json try_parse_json(std::istream& stream) {
  return Json::parse(stream, nullptr, /*allow_exceptions=*/false);
}

std::string json_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tessera
