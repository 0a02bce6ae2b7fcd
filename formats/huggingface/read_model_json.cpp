#include <fmt/ranges.h>

#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/huggingface/model_json.h"
#include "formats/json.h"

namespace tessera {
namespace {

/// A config.json, read key by key.
class Reader {
 public:
  Reader(const Json& json, const std::string& path) : json_(json), path_(path) {}

  template <typename... Args>
  [[noreturn]] void stop(fmt::format_string<Args...> format, Args&&... args) const {
    fail<ConfigError>("[huggingface] {}: {}", path_,
                      fmt::format(format, std::forward<Args>(args)...));
  }

  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  const Json& at(const char* key) const { return json_[key]; }

  std::string text(const char* key, std::string otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_string()) stop("{} is {}, expected a text", key, shown(at(key).dump()));
    return at(key).get<std::string>();
  }

  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_boolean()) stop("{} is {}, expected true or false", key, shown(at(key).dump()));
    return at(key).get<bool>();
  }

  double number(const char* key, double otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_number()) stop("{} is {}, expected a number", key, shown(at(key).dump()));
    return at(key).get<double>();
  }

  std::int64_t integer(const char* key, std::int64_t otherwise) const {
    return has(key) ? integer_in(at(key), key) : otherwise;
  }

  std::vector<std::int64_t> integers(const char* key, std::vector<std::int64_t> otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_array()) stop("{} is {}, expected a list", key, shown(at(key).dump()));
    std::vector<std::int64_t> list;
    for (const Json& entry : at(key)) list.push_back(integer_in(entry, key));
    return list;
  }

  /// A number, or [height, width].
  Size2 size(const char* key, std::int64_t otherwise) const {
    if (!has(key) || !at(key).is_array()) return {integer(key, otherwise), integer(key, otherwise)};
    const auto sides = integers(key, {});
    if (sides.size() != 2) stop("{} has {} entries, expected 2", key, sides.size());
    return {sides[0], sides[1]};
  }

 private:
  std::int64_t integer_in(const Json& value, const char* key) const {
    const double number = value.is_number() ? value.get<double>() : -1.0;
    if (number < 0.0 || number > 1e9 || number != std::floor(number)) {
      stop("{} is {}, expected a whole number", key, shown(value.dump()));
    }
    return static_cast<std::int64_t>(number);
  }

  const Json& json_;
  const std::string& path_;
};

void read_classes(const Reader& reader, HuggingFaceModel& result) {
  std::int64_t count = reader.integer("num_labels", 2);
  if (reader.has("id2label") && reader.at("id2label").is_object()) {
    const Json& labels = reader.at("id2label");
    count = static_cast<std::int64_t>(labels.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const auto label = labels.find(std::to_string(i));
      if (label == labels.end() || !label->is_string()) {
        reader.stop("id2label has {} entries, none or no text is \"{}\"", count, i);
      }
      result.classes.push_back(label->get<std::string>());
    }
  }
  result.model.num_classes = count;
}

void read_vit(const Reader& reader, ModelConfig& model) {
  model.name = ModelName::kViT;
  model.patch_size = reader.size("patch_size", 16);
  model.patch_embed.norm = false;
  model.embed_dim = reader.integer("hidden_size", 768);
  model.depths = {reader.integer("num_hidden_layers", 12)};
  model.num_heads = {reader.integer("num_attention_heads", 12)};
  model.mlp_ratio = static_cast<double>(reader.integer("intermediate_size", 3072)) /
                    static_cast<double>(std::max<std::int64_t>(1, model.embed_dim));
  model.position = {.relative = false, .absolute = true};
  model.pool = Pooling::kToken;
  model.norm_epsilon = reader.number("layer_norm_eps", 1e-12);
  model.drop_path = 0.0;
}

void read_swin(const Reader& reader, ModelConfig& model, bool v2) {
  model.name = v2 ? ModelName::kSwinV2 : ModelName::kSwin;
  model.patch_size = reader.size("patch_size", 4);
  model.patch_embed.edge = PatchEdge::kPad;
  model.embed_dim = reader.integer("embed_dim", 96);
  model.depths = reader.integers("depths", {2, 2, 6, 2});
  model.num_heads = reader.integers("num_heads", {3, 6, 12, 24});
  const std::int64_t window = reader.integer("window_size", 7);
  model.window_size = {window, window};
  model.mlp_ratio = reader.number("mlp_ratio", 4.0);
  model.position = {.relative = !v2, .continuous = v2};
  model.position.absolute = reader.flag("use_absolute_embeddings", false);
  model.norm_epsilon = reader.number("layer_norm_eps", 1e-5);
  model.patch_norm_epsilon = 1e-5;
  model.drop_path = reader.number("drop_path_rate", 0.1);
  if (!v2) return;
  if (model.position.absolute) {
    reader.stop("use_absolute_embeddings is true in swinv2, where transformers itself cannot run");
  }
  model.pretrained_window_size = reader.integers("pretrained_window_sizes", {});
  if (model.pretrained_window_size.size() > model.depths.size()) {
    model.pretrained_window_size.resize(model.depths.size());
  }
}

/// UperNetForSemanticSegmentation, whose auxiliary head reads the third stage.
HuggingFaceModel read_upernet(const Reader& reader, const std::string& path) {
  if (!reader.has("backbone_config")) reader.stop("upernet without a backbone_config");
  HuggingFaceModel result = parse_huggingface_model(json_text(reader.at("backbone_config")), path);
  ModelConfig& model = result.model;
  const Reader backbone(reader.at("backbone_config"), path);
  if (model.name != ModelName::kSwin) reader.stop("a backbone of upernet that is not swin");
  if (backbone.has("out_features") && backbone.at("out_features").size() != model.depths.size()) {
    reader.stop("out_features leaves stages out; models here read all of them");
  }
  if (reader.flag("auxiliary_concat_input", false)) {
    reader.stop("auxiliary_concat_input is true; models here have no such head");
  }
  model.window_policy = WindowPolicy::kKeep;
  model.head = {.type = HeadType::kUperNet,
                .channels = reader.integer("hidden_size", 512),
                .pool_scales = reader.integers("pool_scales", {1, 2, 3, 6}),
                .norm = HeadNorm::kBatch,
                .dropout = 0.0};
  model.head.auxiliary = {.on = reader.flag("use_auxiliary_head", true),
                          .weight = reader.number("auxiliary_loss_weight", 0.4),
                          .stage = 2,
                          .channels = reader.integer("auxiliary_channels", 256),
                          .convs = reader.integer("auxiliary_num_convs", 1)};
  result.classes.clear();
  read_classes(reader, result);
  return result;
}

}  // namespace

HuggingFaceModel parse_huggingface_model(std::string_view text, const std::string& path) {
  const Json json = try_parse_json(text);
  const Reader reader(json, path);
  if (!json.is_object()) reader.stop("is no JSON object");
  HuggingFaceModel result;
  ModelConfig& model = result.model;
  const std::string kind = reader.text("model_type", "");
  if (kind == "upernet") return read_upernet(reader, path);
  if (kind == "vit") {
    read_vit(reader, model);
  } else if (kind == "swin" || kind == "swinv2") {
    read_swin(reader, model, kind == "swinv2");
  } else {
    reader.stop("model_type is {}, known here: swin, swinv2, vit, upernet",
                kind.empty() ? "missing" : quoted(kind));
  }
  const std::string act = reader.text("hidden_act", "gelu");
  if (act != "gelu") reader.stop("hidden_act is {}; models here have gelu, by erf", quoted(act));
  model.image_size = reader.size("image_size", 224);
  model.in_channels = reader.integer("num_channels", 3);
  model.qkv_bias = reader.flag("qkv_bias", true);
  model.dropout = reader.number("hidden_dropout_prob", 0.0);
  model.padding = WindowPadding::kTorchvision;
  read_classes(reader, result);
  return result;
}

}  // namespace tessera
