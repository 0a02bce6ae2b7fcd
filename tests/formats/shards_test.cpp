#include "formats/shards.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "core/error.h"
#include "formats/read_weights.h"
#include "formats/safetensors.h"
#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::ScratchFolder;
using test::write_text;

const fs::path kFolder = test::fixture("hf_swin_32_folder");

std::string error_of_index(const ScratchFolder& folder, const std::string& text) {
  write_text(folder / "x.index.json", text);
  return error_of<CheckpointError>([&] { read_weights(folder / "x.index.json"); });
}

TEST_CASE("shards: a folder and its index are the weights of all files, with config.json") {
  const TensorFile whole = read_safetensors(test::fixture("hf_swin_32.safetensors"));
  for (const fs::path& path : {kFolder, kFolder / "model.safetensors.index.json"}) {
    const TensorFile file = read_weights(path);
    CHECK(file.metadata.at(kModelJson).find("\"model_type\": \"swin\"") != std::string::npos);
    CHECK(file.metadata.at(kPreprocessorJson).find("image_mean") != std::string::npos);
    std::size_t same = 0;
    for (const StoredTensor& tensor : file.tensors) {
      const StoredTensor& twin = whole.at("param/" + tensor.name);
      same += std::equal(tensor.bytes.begin(), tensor.bytes.end(), twin.bytes.begin(),
                         twin.bytes.end());
    }
    CHECK(same == file.tensors.size());
    CHECK(same == 79);
  }
  CHECK(read_weights(kFolder / "model-00001-of-00004.safetensors").metadata.count(kModelJson) == 0);
}

TEST_CASE("shards: what an index may not say") {
  const ScratchFolder folder;
  const Tensor tensor = Tensor::full({2}, 1.0f);
  const std::vector<NamedTensor> tensors{{"a", tensor}, {"b", tensor}};
  write_safetensors(folder / "one", tensors);
  const auto map = [](const std::string& entries) { return "{\"weight_map\": {" + entries + "}}"; };
  CHECK(error_of_index(folder, map(R"("a": "one", "b": "one")")) == "");
  CHECK(error_of_index(folder, "[]").find("is no index of shards") != std::string::npos);
  CHECK(error_of_index(folder, map("")).find("is no index of shards") != std::string::npos);
  for (const char* name : {"../one", "/one", "x/one", "..", "", "."}) {
    CAPTURE(name);
    CHECK(
        error_of_index(folder, map(fmt::format(R"("a": "{}")", name))).find("is no file beside") !=
        std::string::npos);
  }
  CHECK(error_of_index(folder, map(R"("a": 3)")).find("is no file beside") != std::string::npos);
  CHECK(error_of_index(folder, map(R"("a": "two")")).find("\"two\" is missing") !=
        std::string::npos);
  CHECK(error_of_index(folder, map(R"("a": "one")")).find("which stands elsewhere") !=
        std::string::npos);
  CHECK(error_of_index(folder, map(R"("a": "one", "b": "one", "c": "one")")).find("lacks \"c\"") !=
        std::string::npos);
  // An index is no shard: it would name itself.
  CHECK(error_of_index(folder, map(R"("a": "x.index.json")")).find("safetensors") !=
        std::string::npos);
}

TEST_CASE("shards: a folder without weights says what it looked for") {
  const ScratchFolder folder;
  CHECK(error_of<CheckpointError>([&] { read_weights(folder.path()); }).find("model.safetensors") !=
        std::string::npos);
}

}  // namespace
}  // namespace tessera
