// A patch embedding of its own that a configuration names: `model.patch_embed.type: blur_pool`.
//   own_embedding CONFIG [KEY=VALUE...]     trains; the run is as any other's
#include <tessera/core/ops/elementwise.h>
#include <tessera/data/open_dataset.h>
#include <tessera/layers/conv2d.h>
#include <tessera/layers/layer_norm.h>
#include <tessera/layers/patch/registered_patch_embeds.h>
#include <tessera/train/config/config.h>
#include <tessera/train/open_split.h>
#include <tessera/train/trainer.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

using namespace tessera;

/// A convolution over the image at full size, then one of the patch: pixels meet their neighbours
/// before patches are cut.
class BlurEmbed final : public PatchEmbed {
 public:
  explicit BlurEmbed(const ModelConfig& config)
      : smooth_(config.in_channels, 8, {3, 3}, {.zeros = {1, 1}}),
        proj_(8, config.embed_dim, config.patch_size, {.stride = config.patch_size}),
        norm_(config.embed_dim, patch_norm_epsilon(config)) {
    smooth_.weight().reads_pixels = true;
  }

  PatchEmbedPlan plan(Size2 image) const override {
    const std::int64_t pixels = image[0] * image[1];
    return {.map = proj_.output(image),
            .unused_pixels = proj_.unused(image),
            .macs = smooth_.macs(image) + proj_.macs(image),
            .saved = 2 * 8 * pixels};
  }

  Var forward(Tape& tape, const Var& images) override {                 // [B, H, W, C]
    const Var smooth = ops::gelu(tape, smooth_.forward(tape, images));  // [B, H, W, 8]
    return norm_.forward(tape, proj_.forward(tape, smooth));            // [B, h, w, D]
  }

  void visit(ParameterVisitor& visitor) override {
    visitor("smooth", smooth_);
    visitor("proj", proj_);
    visitor("norm", norm_);
  }

 private:
  Conv2d smooth_, proj_;
  LayerNorm norm_;
};

int main(int argc, char** argv) try {
  if (argc < 2) return std::fprintf(stderr, "own_embedding CONFIG [KEY=VALUE...]\n"), 2;
  register_patch_embed(
      "blur_pool", [](const ModelConfig& config) { return std::make_unique<BlurEmbed>(config); });
  const std::vector<std::string> overrides(argv + 2, argv + argc);
  const Config config = load_config(argv[1], overrides);
  const auto training = open_split(config, Split::kTrain), val = open_split(config, Split::kVal);
  Trainer trainer(config, "own_embedding_checkpoints", *training, *val);
  const TrainSummary summary = trainer.run();
  std::printf("%d steps\n", static_cast<int>(summary.step));
} catch (const std::exception& error) {
  return std::fprintf(stderr, "own_embedding: %s\n", error.what()), 1;
}
