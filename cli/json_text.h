// Results for other programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tessera {

/// JSON and a line's end; in one line with `indent` -1. JSON is UTF-8, names of files may not be: see
/// to_utf8.
std::string json_text(const nlohmann::ordered_json& json, int indent = 2);

}  // namespace tessera
