#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/huggingface/model_json.h"
#include "formats/json.h"
#include "layers/heads/dense_head.h"
#include "layers/stage_plan.h"

namespace tessera {
namespace {

[[noreturn]] void refuse(const std::string& key, std::string_view why) {
  fail<ConfigError>("[huggingface] {}: {}: transformers has no such model", key, why);
}

void check_upernet(const ModelConfig& config) {
  const HeadConfig& head = config.head;
  if (head.type != HeadType::kUperNet) refuse("model.head.type", "only linear and upernet");
  if (config.name != ModelName::kSwin) refuse("model.name", "only swin under upernet");
  if (head.norm != HeadNorm::kBatch && head.norm != HeadNorm::kFrozenBatch) {
    refuse("model.head.norm", "only batch");
  }
  if (config.window_policy != WindowPolicy::kKeep) {
    refuse("model.window_policy", "only keep under upernet");
  }
  if (head.auxiliary.on && auxiliary_stage(config) != 2) {
    refuse("model.head.auxiliary.stage", "only 2");
  }
}

/// Throws for what transformers cannot build.
void check_buildable(const ModelConfig& config) {
  const bool vit = config.name == ModelName::kViT;
  if (!config.patch_sizes.empty()) refuse("model.patch_sizes", "only one size");
  if (config.patch_embed.type != PatchEmbedType::kLinear) {
    refuse("model.patch_embed.type", "only linear");
  }
  if (config.patch_embed.norm == vit) {
    refuse("model.patch_embed.norm", vit ? "only false in vit" : "only true");
  }
  if (config.patch_merging.type != PatchMergingType::kLinear) {
    refuse("model.patch_merging.type", "only linear");
  }
  for (const double share : config.token_shift) {
    if (share != 0.0) refuse("model.token_shift", "only 0");
  }
  if (!config.window_shift) refuse("model.window_shift", "only true");
  if (config.position.sincos) refuse("model.position", "no sincos");
  if ((config.pool == Pooling::kToken) != vit) {
    refuse("model.pool", vit ? "only token in vit" : "only mean");
  }
  if (vit) {
    if (!config.position.absolute) refuse("model.position", "only absolute in vit");
    return;
  }
  for (const double factor : config.channel_multiplier) {
    if (factor != 2.0) refuse("model.channel_multiplier", "only 2");
  }
  if (config.name == ModelName::kSwin ? !config.position.relative : !config.position.continuous) {
    refuse("model.position", "only relative in swin, continuous in swin_v2");
  }
  if (config.name == ModelName::kSwinV2 && config.position.absolute) {
    refuse("model.position", "absolute in swin alone");
  }
  if (is_dense(config.head.type)) check_upernet(config);
  const auto [height, width] = config.window_size;
  if (height != width) refuse("model.window_size", by(config.window_size) + " is not square");
  if (is_dense(config.head.type)) return;
  if (config.window_policy == WindowPolicy::kKeep) {
    refuse("model.window_policy", "keep only under upernet");
  }
  for (const StagePlan& stage : plan_model(config).stages) {
    const std::int64_t side = std::min(stage.map[0], stage.map[1]);
    if (side < height) {
      refuse("model.window_size",
             fmt::format("{} is larger than a map of {}", height, by(stage.map)));
    }
  }
}

Json side_or_pair(Size2 size) {
  return size[0] == size[1] ? Json(size[0]) : Json::array({size[0], size[1]});
}

Json numbered_classes(std::int64_t count, std::span<const std::string> classes, Json& back) {
  Json labels = Json::object();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::string name = at < classes.size() ? classes[at] : fmt::format("LABEL_{}", i);
    labels[std::to_string(i)] = name;
    back[name] = i;
  }
  return labels;
}

void write_vit(const ModelConfig& config, Json& json) {
  json["hidden_size"] = config.embed_dim;
  json["num_hidden_layers"] = config.depths[0];
  json["num_attention_heads"] = config.num_heads[0];
  json["intermediate_size"] = mlp_hidden(config, config.embed_dim);
  json["hidden_dropout_prob"] = config.dropout;
}

void write_swin(const ModelConfig& config, Json& json) {
  json["embed_dim"] = config.embed_dim;
  json["depths"] = config.depths;
  json["num_heads"] = config.num_heads;
  json["window_size"] = config.window_size[0];
  json["mlp_ratio"] = config.mlp_ratio;
  json["use_absolute_embeddings"] = config.position.absolute;
  json["drop_path_rate"] = config.drop_path;
  json["hidden_dropout_prob"] = config.dropout;
  const std::int64_t widening = std::int64_t{1} << (config.depths.size() - 1);
  json["hidden_size"] = config.embed_dim * widening;
  json["num_layers"] = config.depths.size();
  if (config.name != ModelName::kSwinV2) return;
  std::vector<std::int64_t> windows = config.pretrained_window_size;
  windows.resize(config.depths.size());
  json["pretrained_window_sizes"] = windows;
}

/// The model around a Swin without a classifier.
Json upernet_around(const ModelConfig& config, Json backbone) {
  const HeadConfig& head = config.head;
  Json names = Json::array();
  for (std::size_t i = 1; i <= config.depths.size(); ++i)
    names.push_back(fmt::format("stage{}", i));
  backbone["out_features"] = names;
  Json json = Json::object();
  json["architectures"] = {"UperNetForSemanticSegmentation"};
  json["model_type"] = "upernet";
  json["backbone_config"] = std::move(backbone);
  json["hidden_size"] = head.channels;
  json["pool_scales"] = head.pool_scales;
  json["use_auxiliary_head"] = head.auxiliary.on;
  json["auxiliary_loss_weight"] = head.auxiliary.weight;
  if (head.auxiliary.on) json["auxiliary_in_channels"] = stage_channels(config).at(2);
  json["auxiliary_channels"] = head.auxiliary.channels;
  json["auxiliary_num_convs"] = head.auxiliary.convs;
  json["auxiliary_concat_input"] = false;
  json["loss_ignore_index"] = 255;
  json["initializer_range"] = config.init_std;
  return json;
}

}  // namespace

std::string huggingface_model(const ModelConfig& given, std::span<const std::string> classes) {
  ModelConfig config = given;
  resolve_position(config);
  check_buildable(config);
  const bool vit = config.name == ModelName::kViT, v2 = config.name == ModelName::kSwinV2;
  Json json = Json::object(), back = Json::object();
  const bool dense = is_dense(config.head.type);
  if (!dense) {
    json["architectures"] = {std::string(vit  ? "ViT"
                                         : v2 ? "Swinv2"
                                              : "Swin") +
                             "ForImageClassification"};
  }
  json["model_type"] = vit ? "vit" : v2 ? "swinv2" : "swin";
  json["image_size"] = side_or_pair(config.image_size);
  json["patch_size"] = side_or_pair(config.patch_size);
  json["num_channels"] = config.in_channels;
  if (vit) {
    write_vit(config, json);
  } else {
    write_swin(config, json);
  }
  json["qkv_bias"] = config.qkv_bias;
  json["hidden_act"] = "gelu";
  json["attention_probs_dropout_prob"] = 0.0;
  // An f32 in the shortest digits that name it: 1e-06, not 9.999999974752427e-07.
  json["layer_norm_eps"] = std::stod(fmt::format("{}", norm_epsilon(config)));
  json["initializer_range"] = config.init_std;
  if (dense) json = upernet_around(config, std::move(json));
  json["id2label"] = numbered_classes(config.num_classes, classes, back);
  json["label2id"] = back;
  json["dtype"] = "float32";
  return json_text(json, 2) + "\n";
}

std::string huggingface_difference(const ModelConfig& config) {
  if (config.name == ModelName::kViT) return "";
  if (patch_norm_epsilon(config) != 1e-5f) {
    return "its norms of patches and mergings have an epsilon of 1e-5";
  }
  for (const StagePlan& stage : plan_model(config).stages) {
    const auto [height, width] = stage.map;
    if (config.name == ModelName::kSwinV2 && width <= config.window_size[1] && height > width) {
      return fmt::format("on the map of {} its windows stay shifted, whose width they cover",
                         by(stage.map));
    }
  }
  if (config.padding == WindowPadding::kTorchvision) return "";
  for (const StagePlan& stage : plan_model(config).stages) {
    if (stage.windows.padded != stage.map || stage.shifted_windows.padded != stage.map) {
      return fmt::format(
          "the window does not divide the map of {}, and tokens added there take part in attention "
          "(model.padding: torchvision)",
          by(stage.map));
    }
  }
  return "";
}

}  // namespace tessera
