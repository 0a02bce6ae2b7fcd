// From any naming to any other and back: which there are for what model is the table of
// docs/weights.md, which is read here.
#include <map>
#include <sstream>

#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "tests/program/program.h"
#include "tests/support/paths.h"
#include "tests/support/tiny_model.h"

namespace tessera::test {
namespace {

ModelConfig with_head(HeadType type, HeadNorm norm = HeadNorm::kGroup) {
  ModelConfig config = tiny_config();
  config.image_size = {32, 32};
  config.head.type = type;
  config.head.norm = norm;
  config.head.channels = 8;
  config.head.convs = 2;
  config.head.auxiliary.channels = 8;
  config.head.detector.groups = 4;
  config.head.detector.level_scales = false;
  return config;
}

ModelConfig with_positions(ModelConfig config) {
  config.position.absolute = true;
  return config;
}

/// The rows of the table, by what stands in front.
const std::map<std::string, ModelConfig>& kinds() {
  static const std::map<std::string, ModelConfig> kKinds{
      {"Swin", with_positions(tiny_config())},
      {"Swin v2", tiny_v2_config()},
      {"ViT", tiny_vit_config()},
      {"UPerNet, batch norm", with_head(HeadType::kUperNet, HeadNorm::kBatch)},
      {"UPerNet, group norm", with_head(HeadType::kUperNet)},
      {"FCN, batch norm", with_head(HeadType::kFcn, HeadNorm::kBatch)},
      {"FCN, group norm", with_head(HeadType::kFcn)},
      {"FPN", with_head(HeadType::kFpn)},
      {"FCOS", with_head(HeadType::kFcos)},
      {"RetinaNet", with_head(HeadType::kRetinaNet)},
  };
  return kKinds;
}

/// Every tensor that the model has, buffers of its layers too, with values of its own.
void write_random(const ModelConfig& config, const std::filesystem::path& path) {
  Model model(config);
  Rng rng(7, Stream::kSynthetic, 0, 0);
  const std::vector<NamedTensor> values = named_values(model.parameters);
  for (const NamedTensor& named : values) {
    Tensor tensor = named.tensor;
    for (float& value : tensor.span()) value = rng.normal();
    if (!named.name.ends_with(".qkv.bias") || config.name != ModelName::kSwinV2) continue;
    const std::int64_t third = tensor.numel() / 3;  // a bias of the keys, which v2 does not have
    for (std::int64_t i = third; i < 2 * third; ++i) tensor.f32()[i] = 0.0f;
  }
  write_safetensors(path, values, {{"naming", "tessera"}});
}

bool same_tensors(const std::filesystem::path& one, const std::filesystem::path& other) {
  const TensorFile a = read_safetensors(one), b = read_safetensors(other);
  std::map<std::string, const StoredTensor*> rest;
  for (const StoredTensor& tensor : b.tensors) rest[tensor.name] = &tensor;
  for (const StoredTensor& tensor : a.tensors) {
    const auto twin = rest.find(tensor.name);
    if (twin == rest.end() || twin->second->type != tensor.type ||
        twin->second->shape != tensor.shape ||
        !std::ranges::equal(twin->second->bytes, tensor.bytes)) {
      return false;
    }
    rest.erase(twin);
  }
  return rest.empty();
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) {
    const std::size_t begin = cell.find_first_not_of(" `"), end = cell.find_last_not_of(" `");
    cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
  }
  return cells;
}

/// The lines of the table that begins with `head`, that one and the rule below it left out.
std::vector<std::vector<std::string>> table(const std::string& head) {
  const std::string text = read_text(source("docs/weights.md"));
  const std::size_t at = text.find(head);
  REQUIRE(at != std::string::npos);
  std::istringstream lines(text.substr(at));
  std::vector<std::vector<std::string>> rows;
  std::string line;
  for (int i = 0; std::getline(lines, line) && line.starts_with("|"); ++i) {
    if (i >= 2) rows.push_back(cells_of(line));
  }
  return rows;
}

TEST_CASE("convert: from any naming to any other and back, for every model, as documented") {
  const std::vector<std::string> words = naming_words();
  std::string head = "| Names |";
  for (const std::string& word : words) head += " `" + word + "` |";
  const auto rows = table(head);
  CHECK(rows.size() == kinds().size());
  const ScratchFolder folder;
  const std::string own = folder / "own", there = folder / "there", back = folder / "back";
  const auto convert = [](const std::string& in, const std::string& out, const std::string& to) {
    return tessera({"convert", in, out, "--to", to}).code;
  };
  for (const auto& row : rows) {
    CAPTURE(row[0]);
    REQUIRE(row.size() == words.size() + 1);
    REQUIRE(kinds().contains(row[0]));
    write_random(kinds().at(row[0]), own);
    std::map<std::string, std::string> first;  // the file of each naming that has all parts
    for (std::size_t i = 1; i < row.size(); ++i) {
      const std::string& naming = words[i - 1];
      CAPTURE(naming);
      const std::string path = folder / (naming + ".safetensors");
      const bool written = convert(own, path, naming) == 0;
      CHECK(row[i] == (written ? "yes" : "-"));
      if (written) first[naming] = path;
    }
    CHECK(same_tensors(first.at("tessera"), own));
    for (const auto& [from, path] : first) {
      for (const auto& [to, unused] : first) {
        CAPTURE(from);
        CAPTURE(to);
        REQUIRE(convert(path, there + ".safetensors", to) == 0);
        REQUIRE(convert(there + ".safetensors", back + ".safetensors", from) == 0);
        CHECK(same_tensors(back + ".safetensors", path));
      }
    }
  }
}

}  // namespace
}  // namespace tessera::test
