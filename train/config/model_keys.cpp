#include <string>
#include <utility>

#include "layers/patch/registered_patch_embeds.h"
#include "train/config/schema.h"

namespace tessera {
namespace {

constexpr double kMaxSide = 16384;

const std::vector<std::pair<std::string, ShiftDirections>> kDirections{
    {"diagonal", ShiftDirections::kDiagonal},
    {"cardinal", ShiftDirections::kCardinal},
    {"eight", ShiftDirections::kEight}};

void add_model(ModelConfig& model, std::vector<Key>& keys) {
  const Range side = between(1, kMaxSide);
  keys.insert(
      keys.end(),
      {choice_key(
           "model.name", model.name,
           {{"swin", ModelName::kSwin}, {"swin_v2", ModelName::kSwinV2}, {"vit", ModelName::kViT}},
           "swin: arXiv:2103.14030; swin_v2: arXiv:2111.09883, norm after each branch and "
           "cosine attention; vit: arXiv:2010.11929, one stage without windows"),
       size_key("model.image_size", model.image_size, side,
                "pixels; auto: as the data set's images, 224 without a data set", true),
       integer_key("model.in_channels", model.in_channels, between(1, 1024),
                   "auto: as the data set's images, 3 without a data set", 0),
       integer_key("model.num_classes", model.num_classes, between(1, 1e6),
                   "auto: the classes of the data set, 1000 without a data set", 0),
       size_key("model.patch_size", model.patch_size, side,
                "pixels that become one token; with patch_sizes the one that is validated and "
                "tested with"),
       integers_key("model.patch_sizes", model.patch_sizes, side,
                    "sides of patches of which one is drawn for each update, arXiv:2212.08013: one "
                    "kernel is learned at the largest and resized; auto: patch_size alone",
                    true),
       integer_key("model.embed_dim", model.embed_dim, between(1, 65536),
                   "channels of the first stage"),
       scale_key(
           "model.channel_multiplier", model.channel_multiplier,
           {.low = 0.0, .high = 64.0, .with_low = false},
           "channels of a stage by those of the stage before; one number for all mergings, or "
           "one for each"),
       stages_key("model.depths", model.depths, between(1, 1000), "blocks of each stage"),
       stages_key("model.num_heads", model.num_heads, between(1, 65536),
                  "attention heads of each stage; must divide its channels"),
       size_key("model.window_size", model.window_size, side,
                "tokens that attend to each other; vit: all of the map"),
       flag_key("model.window_shift", model.window_shift,
                "odd blocks move their windows by half, so that tokens of neighbouring windows "
                "meet; false: the ablation of arXiv:2103.14030 section 4.4"),
       stages_key("model.pretrained_window_size", model.pretrained_window_size,
                  between(0, kMaxSide),
                  "continuous position: window of each stage with which the weights were trained "
                  "before, 0 or auto: as now",
                  true),
       number_key("model.mlp_ratio", model.mlp_ratio, {.low = 0.0, .high = 64.0, .with_low = false},
                  "hidden channels of the MLP by channels of the stage"),
       flag_key("model.qkv_bias", model.qkv_bias, "bias of the query, key and value projection"),
       number_key(
           "model.init_std", model.init_std, above(0.0),
           "standard deviation of initial weights, a normal cut at -2 and 2; narrow models learn "
           "sooner with more than the papers' 0.02"),
       number_key("model.drop_path", model.drop_path, below_one(),
                  "probability of skipping the last block's branches; rises linearly from 0"),
       number_key("model.dropout", model.dropout, below_one(),
                  "after the embedding, the attention projection and in the MLP"),
       scale_key("model.token_shift", model.token_shift, between(0, 1),
                 "share of the channels that come from a token's four neighbours, a quarter from "
                 "each, before it attends; one number, or one for each stage"),
       words_key("model.position",
                 {{"auto", &model.position.automatic},
                  {"relative", &model.position.relative},
                  {"continuous", &model.position.continuous},
                  {"absolute", &model.position.absolute},
                  {"sincos", &model.position.sincos}},
                 "relative: a learned bias for each head and offset within a window; continuous: "
                 "this bias from a small network; absolute: a learned vector for each token; "
                 "sincos: a fixed one; auto: relative in swin, continuous in swin_v2, absolute in "
                 "vit"),
       number_key("model.norm_epsilon", model.norm_epsilon, above(0.0),
                  "what the layer norms of blocks and the last one add to the variance; auto: 1e-5 "
                  "in swin, 1e-6 in vit; Hugging Face's ViT has 1e-12",
                  0.0),
       number_key("model.patch_norm_epsilon", model.patch_norm_epsilon, above(0.0),
                  "the same of the norms of patch embeddings, mergings and the maps of several "
                  "stages; auto: 1e-5 in swin, whatever the blocks have, as in Hugging Face's",
                  0.0),
       choice_key("model.pool", model.pool, {{"mean", Pooling::kMean}, {"token", Pooling::kToken}},
                  "what the head sees: the mean of the last map, or (vit) a class token"),
       choice_key(
           "model.padding", model.padding,
           {{"masked", WindowPadding::kMasked},
            {"torchvision", WindowPadding::kTorchvision},
            {"timm", WindowPadding::kTimm}},
           "tokens added to fill the last windows: left out of attention; taking part as in "
           "torchvision; or as in timm, where shifted maps are rolled before they are padded"),
       choice_key(
           "model.window_policy", model.window_policy,
           {{"clamp", WindowPolicy::kClamp},
            {"pad", WindowPolicy::kPad},
            {"keep", WindowPolicy::kKeep}},
           "a window that covers the map: shrink it to the map (timm, official); pad the map "
           "up to it (torchvision); pad and move it all the same, as the backbones of "
           "detectors and of segmentation do")});
}

/// Ours, then those of the program that links us.
std::vector<std::pair<std::string, PatchEmbedType>> patch_embed_types() {
  std::vector<std::pair<std::string, PatchEmbedType>> types{
      {"linear", PatchEmbedType::kLinear},          {"overlap", PatchEmbedType::kOverlap},
      {"conv_stem", PatchEmbedType::kConvStem},     {"shifted", PatchEmbedType::kShifted},
      {"cross_scale", PatchEmbedType::kCrossScale}, {"sliding", PatchEmbedType::kSliding}};
  auto type = static_cast<std::uint8_t>(PatchEmbedType::kRegistered);
  for (const RegisteredPatchEmbed& embed : registered_patch_embeds()) {
    types.emplace_back(embed.name, static_cast<PatchEmbedType>(type));
    ++type;
  }
  return types;
}

void add_patch_embed(PatchEmbedConfig& embed, std::vector<Key>& keys) {
  const Range side = between(1, kMaxSide);
  keys.insert(
      keys.end(),
      {choice_key("model.patch_embed.type", embed.type, patch_embed_types(),
                  "linear: one projection of each patch; overlap: a kernel larger than the patch; "
                  "conv_stem: 3x3 convolutions, arXiv:2106.14881; shifted: the image and shifted "
                  "copies, arXiv:2112.13492; cross_scale: kernels of several sizes, "
                  "arXiv:2108.00154; sliding: patches that move by less than their size; see "
                  "patch_embeddings.md"),
       flag_key("model.patch_embed.norm", embed.norm,
                "layer norm after the projection; shifted: before it"),
       size_key("model.patch_embed.kernel", embed.kernel, side,
                "overlap: pixels that a token sees; auto: 2 * patch_size - 1", true),
       choice_key(
           "model.patch_embed.edge", embed.edge,
           {{"auto", PatchEdge::kAuto}, {"drop", PatchEdge::kDrop}, {"pad", PatchEdge::kPad}},
           "linear, sliding, overlap with numbered padding: pixels at the right and bottom "
           "that no whole kernel fits on are not seen, or filled up with zeros; auto: pad "
           "where the head puts out a map, else drop"),
       integer_key("model.patch_embed.padding", embed.padding, between(0, kMaxSide),
                   "overlap: zeros on every side; same: as many as keep image / patch tokens, "
                   "rounded up",
                   kSamePadding, "same"),
       size_key("model.patch_embed.stride", embed.stride, side,
                "sliding: pixels from one patch to the next; auto: half of patch_size, rounded up",
                true),
       stages_key("model.patch_embed.stem_channels", embed.stem_channels, between(1, 65536),
                  "conv_stem: width of each convolution; auto: log2(patch_size) of them, doubling "
                  "up to embed_dim",
                  true),
       size_key("model.patch_embed.shift_pixels", embed.shift_pixels, side,
                "shifted: how far; auto: half of patch_size, rounded down, at least 1", true),
       choice_key("model.patch_embed.directions", embed.directions, kDirections,
                  "shifted: to the corners, to the sides, or both"),
       stages_key(
           "model.patch_embed.kernels", embed.kernels, between(1, kMaxSide),
           "cross_scale: sides of the kernels, fine to coarse, which share embed_dim as C/2, "
           "C/4, ..., the last two alike; auto: 1, 2, 4 and 8 times patch_size, as far as the "
           "image reaches",
           true)});
}

void add_patch_merging(PatchMergingConfig& merging, std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {choice_key("model.patch_merging.type", merging.type,
                  {{"linear", PatchMergingType::kLinear},
                   {"conv", PatchMergingType::kConv},
                   {"shifted", PatchMergingType::kShifted},
                   {"cross_scale", PatchMergingType::kCrossScale}},
                  "linear: one projection of 2x2 tokens, as in Swin; conv: a convolution of stride "
                  "2; shifted: 2x2 tokens and those one further; cross_scale: kernels of several "
                  "sizes"),
       integer_key("model.patch_merging.kernel", merging.kernel, between(2, 64), "conv: tokens"),
       choice_key("model.patch_merging.directions", merging.directions, kDirections,
                  "shifted: to the corners, to the sides, or both"),
       stages_key("model.patch_merging.kernels", merging.kernels, between(2, 64),
                  "cross_scale: sides of the kernels in tokens, fine to coarse")});
}

}  // namespace

void add_model_keys(ModelConfig& model, std::vector<Key>& keys) {
  add_model(model, keys);
  add_patch_embed(model.patch_embed, keys);
  add_patch_merging(model.patch_merging, keys);
}

}  // namespace tessera
