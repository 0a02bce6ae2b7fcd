// JSON files that carry a checksum of themselves: any change of a byte is told.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tessera {

/// An object as text whose last member is `"checksum": "xxh64:..."`, that of the text which the
/// object has without it. What is not UTF-8 is replaced.
std::string seal(const nlohmann::ordered_json& object);

/// The object in `text`. Throws CheckpointError, naming `path`, if it is no JSON object, or has a
/// checksum that is not its own, or has none and `must_have_seal`.
nlohmann::ordered_json unseal(const std::string& text, const std::filesystem::path& path,
                              bool must_have_seal);

}  // namespace tessera
