#include "train/sealed_json.h"

#include <string_view>

#include "core/checksum.h"
#include "core/error.h"
#include "formats/json.h"

namespace tessera {
namespace {

constexpr std::string_view kEnd = "\n}\n", kMember = ",\n  \"checksum\": \"";

std::string text_of(const Json& object) {
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string sealed(const std::string& text) {
  return fmt::format("{}{}{}\"{}", text.substr(0, text.size() - kEnd.size()), kMember,
                     checksum_text(std::string_view(text)), kEnd);
}

}  // namespace

std::string seal(const Json& object) { return sealed(text_of(object)); }

Json unseal(const std::string& text, const std::filesystem::path& path, bool must_have_seal) {
  const std::size_t member = text.rfind(kMember);
  if (member == std::string::npos ? must_have_seal
                                  : sealed(text.substr(0, member).append(kEnd)) != text) {
    fail<CheckpointError>("[checkpoint] {}: damaged or edited: it does not fit its checksum",
                          path.string());
  }
  try {
    Json json = Json::parse(text);
    if (!json.is_object()) fail<CheckpointError>("[checkpoint] {}: no JSON object", path.string());
    return json;
  } catch (const nlohmann::json::exception& error) {
    fail<CheckpointError>("[checkpoint] {}: {}", path.string(), reason_of(error));
  }
}

}  // namespace tessera
