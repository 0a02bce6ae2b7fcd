#include "formats/huggingface/model_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/huggingface/model_json.h"
#include "formats/json.h"
#include "formats/safetensors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string> kFormat{{"format", "pt"}};  // transformers asks for it

std::vector<std::vector<StoredTensor>> split_shards(std::span<const StoredTensor> tensors,
                                                    std::uint64_t most) {
  std::vector<std::vector<StoredTensor>> shards(1);
  std::uint64_t bytes = 0;
  for (const StoredTensor& tensor : tensors) {
    if (!shards.back().empty() && bytes + tensor.bytes.size() > most) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += tensor.bytes.size();
    shards.back().push_back(tensor);
  }
  return shards;
}

void write_tensors(const fs::path& folder, std::span<const StoredTensor> tensors,
                   std::uint64_t shard_bytes) {
  const auto shards = split_shards(tensors, shard_bytes == 0 ? ~std::uint64_t{0} : shard_bytes);
  if (shards.size() == 1) {
    write_safetensors(folder / "model.safetensors", tensors, kFormat);
    return;
  }
  std::uint64_t total = 0;
  Json files = Json::object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    write_safetensors(folder / name, std::span<const StoredTensor>(shards[i]), kFormat);
    for (const StoredTensor& tensor : shards[i]) {
      files[tensor.name] = name;
      total += tensor.bytes.size();
    }
  }
  const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", files}};
  write_atomically(folder / "model.safetensors.index.json", json_text(index, 2) + "\n");
}

std::string yaml_text(std::string_view text) { return json_text(Json(std::string(text))); }

}  // namespace

std::string model_card(const ModelFolder& folder) {
  const ModelConfig& model = folder.model;
  const ModelCard& card = folder.card;
  const char* kind = model.name == ModelName::kViT      ? "ViT"
                     : model.name == ModelName::kSwinV2 ? "Swin Transformer V2"
                                                        : "Swin Transformer";
  const bool dense = is_dense(model.head.type);
  std::string text = fmt::format("---\nlibrary_name: transformers\npipeline_tag: image-{}\ntags:\n",
                                 dense ? "segmentation" : "classification");
  text += fmt::format("- {}\n- tessera\n", dense                              ? "upernet"
                                           : model.name == ModelName::kViT    ? "vit"
                                           : model.name == ModelName::kSwinV2 ? "swinv2"
                                                                              : "swin");
  if (!card.metric.empty()) {
    text += fmt::format(
        "model-index:\n- name: {}\n  results:\n  - task:\n      type: image-{}\n"
        "    dataset:\n      name: {}\n      type: {}\n      split: {}\n    metrics:\n"
        "    - type: {}\n      value: {}\n",
        yaml_text(card.name), dense ? "segmentation" : "classification", yaml_text(card.dataset),
        yaml_text(card.dataset), yaml_text(card.split), yaml_text(card.metric), card.value);
  }
  text += fmt::format("---\n\n# {}\n\n{} for images of {} pixels with {} channel{}, {} classes",
                      card.name, dense ? fmt::format("UPerNet on a {}", kind) : kind,
                      by(model.image_size), model.in_channels, model.in_channels == 1 ? "" : "s",
                      model.num_classes);
  text += card.dataset.empty() ? ".\n" : fmt::format(", trained on {}.\n", card.dataset);
  if (!card.metric.empty()) {
    text += fmt::format("\n{} on its {} images: {:.4f}.\n", card.metric, card.split, card.value);
  }
  const char* type = dense ? "AutoModelForSemanticSegmentation" : "AutoModelForImageClassification";
  text += fmt::format(
      "\n```python\nfrom transformers import AutoImageProcessor, {0}\n"
      "processor = AutoImageProcessor.from_pretrained(\".\")\n"
      "model = {0}.from_pretrained(\".\")\n"
      "logits = model(**processor(image, return_tensors=\"pt\")).logits{1}\n```\n",
      type,
      dense ? "  # [1, classes, H, W]"
            : "\nprint(model.config.id2label[logits.argmax(-1).item()])");
  if (!card.configuration.empty()) {
    text +=
        "\nTrained with Tessera by this configuration:\n\n```yaml\n" + card.configuration + "```\n";
  }
  return text;
}

void write_model_folder(const fs::path& path, std::span<const StoredTensor> tensors,
                        const ModelFolder& folder, std::uint64_t shard_bytes) {
  const std::string config = huggingface_model(folder.model, folder.classes);
  if (fs::exists(path) && (!fs::is_directory(path) || !fs::is_empty(path))) {
    fail<CheckpointError>("[huggingface] {}: is there already: give a new folder",
                          shown(path.string()));
  }
  fs::path target = path;
  if (!target.has_filename()) target = target.parent_path();  // `folder/`
  const fs::path unfinished = target.string() + fmt::format(".unfinished-{}", ::getpid());
  try {
    fs::create_directories(unfinished);
    write_atomically(unfinished / "config.json", config);
    if (folder.preprocessing) {
      write_atomically(unfinished / "preprocessor_config.json",
                       preprocessor_json(*folder.preprocessing, folder.model.image_size,
                                         is_dense(folder.model.head.type)));
    }
    write_atomically(unfinished / "README.md", model_card(folder));
    write_tensors(unfinished, tensors, shard_bytes);
    if (fs::exists(target)) fs::remove(target);  // empty
    fs::rename(unfinished, target);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    fail<CheckpointError>("[huggingface] {}: {}", shown(error.path1().string()),
                          error.code().message());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw;
  }
}

}  // namespace tessera
