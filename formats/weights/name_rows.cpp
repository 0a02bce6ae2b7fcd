#include "formats/weights/name_rows.h"

#include "formats/weights/detector_names.h"
#include "formats/weights/names_dense.h"

namespace tessera {
namespace {

constexpr std::array<std::string_view, kNamings> kSwinBlock{
    "stages.{S}.blocks.{B}.", "features.{2S+1}.{B}.",   "layers.{S}.blocks.{B}.",
    "layers.{S}.blocks.{B}.", "stages.{S}.blocks.{B}.", "encoder.layers.{S}.blocks.{B}."};

constexpr std::array<std::string_view, kNamings> kVitBlock{
    "blocks.{B}.",       "encoder.layers.encoder_layer_{B}.", "blocks.{B}.", "", "layers.{B}.",
    "encoder.layer.{B}."};

using enum RowUse;

// tessera, torchvision, timm, official, openmmlab, huggingface
constexpr NameRow kSwinRows[] = {
    {{"patch_embed.proj.*", "features.0.0.*", "patch_embed.proj.*", "patch_embed.proj.*",
      "patch_embed.projection.*", "embeddings.patch_embeddings.projection.*"}},
    {{"patch_embed.norm.*", "features.0.2.*", "patch_embed.norm.*", "patch_embed.norm.*",
      "patch_embed.norm.*", "embeddings.norm.*"}},
    {{"absolute_pos_embed", "absolute_pos_embed", "absolute_pos_embed", "absolute_pos_embed",
      "absolute_pos_embed", "embeddings.position_embeddings"}},
    {{"mask_token", "mask_token", "mask_token", "mask_token", "mask_token",
      "embeddings.mask_token"}},
    {{"@norm1.*", "@norm1.*", "@norm1.*", "@norm1.*", "@norm1.*", "@layernorm_before.*"}},
    {{"@norm2.*", "@norm2.*", "@norm2.*", "@norm2.*", "@norm2.*", "@layernorm_after.*"}},
    {{"@attn.qkv.weight", "@attn.qkv.weight", "@attn.qkv.weight", "@attn.qkv.weight",
      "@attn.w_msa.qkv.weight", "@attention.self.query|key|value.weight"}},
    {{"@attn.qkv.bias", "@attn.qkv.bias", "@attn.qkv.bias", "@attn.qkv.bias",
      "@attn.w_msa.qkv.bias", "@attention.self.query|key|value.bias"},
     kV1},
    {{"@attn.qkv.bias", "@attn.qkv.bias", "@attn.q_bias||v_bias", "@attn.q_bias||v_bias",
      "@attn.w_msa.q_bias||v_bias", "@attention.self.query||value.bias"},
     kV2},
    {{"@attn.proj.*", "@attn.proj.*", "@attn.proj.*", "@attn.proj.*", "@attn.w_msa.proj.*",
      "@attention.output.dense.*"}},
    {{"@attn.relative_position_bias_table", "@attn.relative_position_bias_table",
      "@attn.relative_position_bias_table", "@attn.relative_position_bias_table",
      "@attn.w_msa.relative_position_bias_table", "@attention.self.relative_position_bias_table"}},
    {{"@attn.logit_scale", "@attn.logit_scale", "@attn.logit_scale", "@attn.logit_scale",
      "@attn.w_msa.logit_scale", "@attention.self.logit_scale"}},
    {{"@attn.cpb_mlp.0.*", "@attn.cpb_mlp.0.*", "@attn.cpb_mlp.0.*", "@attn.cpb_mlp.0.*",
      "@attn.w_msa.cpb_mlp.0.*", "@attention.self.continuous_position_bias_mlp.0.*"}},
    {{"@attn.cpb_mlp.2.*", "@attn.cpb_mlp.2.*", "@attn.cpb_mlp.2.*", "@attn.cpb_mlp.2.*",
      "@attn.w_msa.cpb_mlp.2.*", "@attention.self.continuous_position_bias_mlp.2.*"}},
    {{"@mlp.fc1.*", "@mlp.0.*", "@mlp.fc1.*", "@mlp.fc1.*", "@ffn.layers.0.0.*",
      "@intermediate.dense.*"}},
    {{"@mlp.fc2.*", "@mlp.3.*", "@mlp.fc2.*", "@mlp.fc2.*", "@ffn.layers.1.*", "@output.dense.*"}},
    {{"@attn.relative_position_index", "@attn.relative_position_index",
      "@attn.relative_position_index", "@attn.relative_position_index",
      "@attn.w_msa.relative_position_index", "@attention.self.relative_position_index"}},
    {{"@attn.relative_coords_table", "@attn.relative_coords_table", "@attn.relative_coords_table",
      "@attn.relative_coords_table", "@attn.w_msa.relative_coords_table",
      "@attention.self.relative_coords_table"}},
    {{"@attn_mask", "@attn_mask", "@attn_mask", "@attn_mask", "", ""}},
    // OpenMMLab's Swin v2 merges in front of a stage, its Swin behind one.
    {{"stages.{S}.downsample.norm.*", "features.{2S+2}.norm.*", "layers.{S+1}.downsample.norm.*",
      "layers.{S}.downsample.norm.*", "stages.{S}.downsample.norm.*",
      "encoder.layers.{S}.downsample.norm.*"},
     kV1},
    {{"stages.{S}.downsample.reduction.*", "features.{2S+2}.reduction.*",
      "layers.{S+1}.downsample.reduction.*", "layers.{S}.downsample.reduction.*",
      "stages.{S}.downsample.reduction.*", "encoder.layers.{S}.downsample.reduction.*"},
     kV1},
    {{"stages.{S}.downsample.norm.*", "features.{2S+2}.norm.*", "layers.{S+1}.downsample.norm.*",
      "layers.{S}.downsample.norm.*", "stages.{S+1}.downsample.norm.*",
      "encoder.layers.{S}.downsample.norm.*"},
     kV2},
    {{"stages.{S}.downsample.reduction.*", "features.{2S+2}.reduction.*",
      "layers.{S+1}.downsample.reduction.*", "layers.{S}.downsample.reduction.*",
      "stages.{S+1}.downsample.reduction.*", "encoder.layers.{S}.downsample.reduction.*"},
     kV2},
    {{"norm.*", "norm.*", "norm.*", "norm.*", "norm{L}.*", "layernorm.*"}, kNormLast},
    {{"norm{S}.*", "norm{S}.*", "norm{S}.*", "norm{S}.*", "norm{S}.*",
      "hidden_states_norms.stage{S+1}.*"},
     kNormEach},
};

constexpr NameRow kVitRows[] = {
    {{"patch_embed.proj.*", "conv_proj.*", "patch_embed.proj.*", "", "patch_embed.projection.*",
      "embeddings.patch_embeddings.projection.*"}},
    {{"cls_token", "class_token", "cls_token", "", "cls_token", "embeddings.cls_token"}},
    {{"mask_token", "", "mask_token", "", "mask_token", "embeddings.mask_token"}},
    {{"pos_embed", "encoder.pos_embedding", "pos_embed", "", "pos_embed",
      "embeddings.position_embeddings"}},
    {{"@norm1.*", "@ln_1.*", "@norm1.*", "", "@ln1.*", "@layernorm_before.*"}},
    {{"@norm2.*", "@ln_2.*", "@norm2.*", "", "@ln2.*", "@layernorm_after.*"}},
    {{"@attn.qkv.weight", "@self_attention.in_proj_weight", "@attn.qkv.weight", "",
      "@attn.qkv.weight", "@attention.attention.query|key|value.weight"}},
    {{"@attn.qkv.bias", "@self_attention.in_proj_bias", "@attn.qkv.bias", "", "@attn.qkv.bias",
      "@attention.attention.query|key|value.bias"}},
    {{"@attn.proj.*", "@self_attention.out_proj.*", "@attn.proj.*", "", "@attn.proj.*",
      "@attention.output.dense.*"}},
    {{"@mlp.fc1.*", "@mlp.0.*", "@mlp.fc1.*", "", "@ffn.layers.0.0.*", "@intermediate.dense.*"}},
    {{"@mlp.fc2.*", "@mlp.3.*", "@mlp.fc2.*", "", "@ffn.layers.1.*", "@output.dense.*"}},
    {{"norm.*", "encoder.ln.*", "norm.*", "", "ln1.*", "layernorm.*"}},
};

constexpr NameRow kSwinHead[] = {
    {{"head.*", "head.*", "head.fc.*", "head.*", "head.fc.*", "classifier.*"}},
};

constexpr NameRow kVitHead[] = {
    {{"head.*", "heads.head.*", "head.*", "", "head.layers.head.*", "classifier.*"}},
};

constexpr Naming kVision = Naming::kTorchvision, kInMemory = Naming::kHuggingFace;

// transformers 5 renames its modules in memory, and back when it saves; some save for themselves.
constexpr OtherSpelling kSwinSpellings[] = {
    {kInMemory, "@attn.qkv.weight", "@attention.q_proj|k_proj|v_proj.weight"},
    {kInMemory, "@attn.qkv.bias", "@attention.q_proj|k_proj|v_proj.bias"},
    {kInMemory, "@attn.proj.*", "@attention.o_proj.*"},
    {kInMemory, "@attn.relative_position_bias_table",
     "@attention.relative_position_bias.relative_position_bias_table"},
    {kInMemory, "@attn.relative_position_index",
     "@attention.relative_position_bias.relative_position_index"},
    {kInMemory, "@mlp.fc1.*", "@mlp.fc1.*"},
    {kInMemory, "@mlp.fc2.*", "@mlp.fc2.*"},
};

constexpr OtherSpelling kVitSpellings[] = {
    // torchvision 0.12
    {kVision, "@mlp.fc1.*", "@mlp.linear_1.*"},
    {kVision, "@mlp.fc2.*", "@mlp.linear_2.*"},
    {kInMemory, "@norm1.*", "layers.{B}.layernorm_before.*"},
    {kInMemory, "@norm2.*", "layers.{B}.layernorm_after.*"},
    {kInMemory, "@attn.qkv.weight", "layers.{B}.attention.q_proj|k_proj|v_proj.weight"},
    {kInMemory, "@attn.qkv.bias", "layers.{B}.attention.q_proj|k_proj|v_proj.bias"},
    {kInMemory, "@attn.proj.*", "layers.{B}.attention.o_proj.*"},
    {kInMemory, "@mlp.fc1.*", "layers.{B}.mlp.fc1.*"},
    {kInMemory, "@mlp.fc2.*", "layers.{B}.mlp.fc2.*"},
};

constexpr NameTable kSwinTable{kSwinBlock, kSwinRows, kSwinHead, kSwinSpellings};
constexpr NameTable kVitTable{kVitBlock, kVitRows, kVitHead, kVitSpellings};

/// A pattern without its `@`.
std::string whole_pattern(std::string_view pattern, const NameTable& table, Naming naming) {
  if (!pattern.starts_with('@')) return std::string(pattern);
  const std::string_view block = table.blocks[static_cast<std::size_t>(naming)];
  return std::string(block) + std::string(pattern.substr(1));
}

std::vector<NamePair> make_pairs(const NameTable& table, Naming naming) {
  const auto column = static_cast<std::size_t>(naming);
  std::vector<NamePair> pairs;
  for (const bool head : {false, true}) {
    for (const NameRow& row : head ? table.head : table.backbone) {
      pairs.push_back({whole_pattern(row.names[0], table, Naming::kTessera),
                       whole_pattern(row.names[column], table, naming), row.use, head});
    }
  }
  for (const std::span<const NameRow> rows : {detector_head_rows(), segmentation_head_rows()}) {
    for (const NameRow& row : rows) {
      pairs.push_back(
          {std::string(row.names[0]), std::string(row.names[column]), row.use, /*head=*/true});
    }
  }
  for (const OtherSpelling& other : table.others) {
    if (other.naming != naming) continue;
    pairs.push_back({whole_pattern(other.tessera, table, Naming::kTessera),
                     whole_pattern(other.theirs, table, naming), RowUse::kAlways, false, false});
  }
  return pairs;
}

}  // namespace

const NameTable& name_table(Architecture architecture) {
  return architecture == Architecture::kViT ? kVitTable : kSwinTable;
}

const std::vector<NamePair>& name_pairs(Architecture architecture, Naming naming) {
  static const auto all = [] {
    std::array<std::vector<NamePair>, 2 * kNamings> pairs;
    for (std::size_t i = 0; i < kNamings; ++i) {
      pairs[i] = make_pairs(kSwinTable, static_cast<Naming>(i));
      pairs[kNamings + i] = make_pairs(kVitTable, static_cast<Naming>(i));
    }
    return pairs;
  }();
  const std::size_t offset = architecture == Architecture::kViT ? kNamings : 0;
  return all[offset + static_cast<std::size_t>(naming)];
}

}  // namespace tessera
