#include "formats/weights/infer_model.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "formats/weights/name_pattern.h"
#include "formats/weights/source_geometry.h"

namespace tessera {
namespace {

using Dims = std::vector<std::int64_t>;

class Inference {
 public:
  Inference(const TensorFile& file, const Translation& translation)
      : file_(file), translation_(translation) {}

  InferredModel run() {
    if (translation_.scheme.norm_each) stop("a model of dense prediction, not of classification");
    read_patches();
    model().drop_path = 0.0;
    if (translation_.scheme.architecture == Architecture::kViT) {
      read_vit();
    } else {
      read_swin();
    }
    const Dims* head = shape_of("head.weight");
    model().num_classes = head != nullptr && head->size() == 2 ? (*head)[0] : 1000;
    if (head == nullptr) guess("model.num_classes");
    return result_;
  }

 private:
  ModelConfig& model() { return result_.model; }
  void guess(const char* key) { result_.guesses.emplace_back(key); }

  template <typename... Args>
  [[noreturn]] void stop(fmt::format_string<Args...> format, Args&&... args) const {
    fail<CheckpointError>("[infer_model] {}: {}; give a configuration", file_.path,
                          fmt::format(format, std::forward<Args>(args)...));
  }

  const Dims* shape_of(std::string_view name) const {
    for (const auto& entry : translation_.parameters) {
      if (entry.tensor.name == name) return &entry.tensor.shape;
    }
    return nullptr;
  }

  const Dims& need(const std::string& name, std::size_t rank) const {
    const Dims* shape = shape_of(name);
    if (shape == nullptr) stop("{} is missing", quoted(name));
    if (shape->size() != rank)
      stop("{} has {} axes, expected {}", quoted(name), shape->size(), rank);
    for (const std::int64_t side : *shape) {
      if (side < 1) stop("{} is empty", quoted(name));
    }
    return *shape;
  }

  void read_patches() {
    const Dims& kernel = need("patch_embed.proj.weight", 4);
    model().embed_dim = kernel[0];
    model().in_channels = kernel[1];
    model().patch_size = {kernel[2], kernel[3]};
    model().patch_embed.norm = shape_of("patch_embed.norm.weight") != nullptr;
  }

  void read_mlp(const std::string& block) {
    const Dims& fc1 = need(block + ".mlp.fc1.weight", 2);
    model().mlp_ratio = static_cast<double>(fc1[0]) / static_cast<double>(fc1[1]);
    model().qkv_bias = shape_of(block + ".attn.qkv.bias") != nullptr;
  }

  /// Blocks whose name is `prefix` and a number.
  std::int64_t count_blocks(const std::string& prefix) const {
    std::int64_t count = 0;
    while (shape_of(fmt::format("{}{}.norm1.weight", prefix, count)) != nullptr) ++count;
    return count;
  }

  void set_image(Size2 map) {
    model().image_size = {map[0] * model().patch_size[0], map[1] * model().patch_size[1]};
  }

  void read_vit() {
    model().name = ModelName::kViT;
    model().depths = {count_blocks("blocks.")};
    model().position = {.relative = false, .absolute = true};
    const bool token = shape_of("cls_token") != nullptr;
    model().pool = token ? Pooling::kToken : Pooling::kMean;
    model().num_heads = {std::max<std::int64_t>(1, model().embed_dim / 64)};
    guess("model.num_heads");
    const std::int64_t tokens = need("pos_embed", 3)[1] - (token ? 1 : 0);
    const auto side = square_side(tokens);
    if (!side) stop("{} tokens are no square map", tokens);
    set_image({*side, *side});
    read_mlp("blocks.0");
    if (translation_.scheme.naming == Naming::kHuggingFace) {
      model().norm_epsilon = 1e-12;
      guess("model.norm_epsilon");
    }
  }

  void read_swin() {
    const bool v2 = translation_.scheme.architecture == Architecture::kSwinV2;
    model().name = v2 ? ModelName::kSwinV2 : ModelName::kSwin;
    model().position = {.relative = !v2, .continuous = v2};
    model().depths.clear();
    model().num_heads.clear();
    for (int s = 0; s < translation_.scheme.stages; ++s) {
      const std::string stage = fmt::format("stages.{}.blocks.", s);
      model().depths.push_back(count_blocks(stage));
      const std::string attn = stage + "0.attn.";
      model().num_heads.push_back(v2 ? need(attn + "logit_scale", 3)[0]
                                     : need(attn + "relative_position_bias_table", 2)[1]);
    }
    read_mlp("stages.0.blocks.0");
    read_window(v2);
    read_image();
    set_framework();
  }

  /// That of the largest stage: those at the end may have shrunk to their maps.
  void read_window(bool v2) {
    const SourceGeometry source = source_geometry(file_, translation_, std::nullopt);
    Size2 window{};
    for (int s = 0; s < translation_.scheme.stages; ++s) {
      const std::string module = fmt::format("stages.{}.blocks.0.attn", s);
      const Dims* table = shape_of(module + ".relative_position_bias_table");
      std::optional<Size2> own;
      if (table != nullptr) {
        own = source.window(module, (*table)[0]);
        if (!own) stop("{} rows are of no square window", (*table)[0]);
      } else if (const auto found = source.windows.find(module); found != source.windows.end()) {
        own = found->second;
      }
      if (own && (*own)[0] * (*own)[1] > window[0] * window[1]) window = *own;
    }
    if (window == Size2{}) {
      window = v2 ? Size2{8, 8} : Size2{7, 7};
      guess("model.window_size");
    }
    model().window_size = window;
  }

  void read_image() {
    if (const Dims* positions = shape_of("absolute_pos_embed")) {
      model().position.absolute = true;
      const auto side = positions->size() == 3 ? square_side((*positions)[1]) : std::nullopt;
      if (side) return set_image({*side, *side});
    }
    const std::int64_t halvings = std::int64_t{1} << (model().depths.size() - 1);
    set_image({model().window_size[0] * halvings, model().window_size[1] * halvings});
    guess("model.image_size");
  }

  void set_framework() {
    switch (translation_.scheme.naming) {
      case Naming::kTessera:
        break;
      case Naming::kTorchvision:
        model().padding = WindowPadding::kTorchvision;
        model().window_policy = WindowPolicy::kPad;
        break;
      case Naming::kTimm:
        model().padding = WindowPadding::kTimm;
        break;
      case Naming::kHuggingFace:
        model().patch_embed.edge = PatchEdge::kPad;
        [[fallthrough]];
      case Naming::kOfficial:
      case Naming::kOpenMmlab:
        model().padding = WindowPadding::kTorchvision;
        break;
    }
  }

  const TensorFile& file_;
  const Translation& translation_;
  InferredModel result_;
};

}  // namespace

InferredModel infer_model(const TensorFile& file, const Translation& translation) {
  return Inference(file, translation).run();
}

}  // namespace tessera
