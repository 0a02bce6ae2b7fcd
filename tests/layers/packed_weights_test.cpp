// Weights that are kept packed between passes of evaluation: the passes must not pile them up.
#include "core/ops/row_products.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

struct Usage {
  std::size_t kept = 0;
  std::size_t bytes = 0;
};

Usage pass(Model& model, const Tensor& images, PackedWeights& packed) {
  {
    Tape tape({.training = false, .packed = &packed});
    model.forward(tape, tape.constant(images));
  }
  return {packed.count(), Pool::global().stats().live_bytes};
}

TEST_CASE("packed weights: further passes keep nothing more, whatever the model is made of") {
  using enum PatchEmbedType;
  for (const PatchEmbedType embed :
       {kLinear, kOverlap, kConvStem, kShifted, kCrossScale, kSliding}) {
    for (const PatchMergingType merging :
         {PatchMergingType::kLinear, PatchMergingType::kConv, PatchMergingType::kShifted,
          PatchMergingType::kCrossScale}) {
      for (const ModelConfig& base : {test::tiny_config(), test::tiny_v2_config()}) {
        CAPTURE(static_cast<int>(embed));
        CAPTURE(static_cast<int>(merging));
        ModelConfig config = base;
        config.patch_embed.type = embed;
        config.patch_merging.type = merging;
        Model model(config);
        test::randomize(model);
        const Tensor images = cast(test::random_images(config, 2), DType::kBF16);
        PackedWeights packed(model.parameters.values());
        const Usage first = pass(model, images, packed);
        CHECK(first.kept > 0);
        for (int repeat = 0; repeat < 4; ++repeat) {
          const Usage later = pass(model, images, packed);
          CHECK(later.kept == first.kept);
          CHECK(later.bytes == first.bytes);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tessera
