// JSON as text. Parser and writer are compiled once, in json.cpp: each takes seconds.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tessera {

/// Keeps the order of its keys.
using Json = nlohmann::ordered_json;

/// Throws nlohmann::json::parse_error.
Json parse_json(std::string_view text);
Json parse_json(std::istream& stream);

/// What is no JSON becomes a discarded value, which is neither object nor array nor anything else.
Json try_parse_json(std::string_view text);
Json try_parse_json(std::istream& stream);

/// What is wrong, in one short line: the parser repeats what it read, which may be a file of any
/// length.
std::string reason_of(const nlohmann::json::exception& error);

/// One line, or many with `indent` spaces a level. Bytes that are not UTF-8 are escaped: see
/// to_utf8.
std::string json_text(const Json& json, int indent = -1);

}  // namespace tessera
