#include "layers/linear_patch_embed.h"

#include <doctest/doctest.h>

#include "core/parameter.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

TEST_CASE("the linear patch embedding is the convolution whose stride is its kernel") {
  for (const Size2 patch : {Size2{1, 1}, Size2{2, 2}, Size2{3, 5}}) {
    ModelConfig config = test::tiny_config();
    config.image_size = {17, 21};  // 3 x 5 leaves two rows and one column over
    config.patch_size = patch;
    config.patch_embed.norm = false;
    LinearPatchEmbed embed(config);
    ParameterStore store(embed);
    store.initialize(1);
    Conv2d conv(config.in_channels, config.embed_dim, patch, {.stride = patch});
    ParameterStore conv_store(conv);
    for (const char* name : {"weight", "bias"}) {
      conv_store.find(name)->parameter->value.copy_from(
          store.find(std::string("proj.") + name)->parameter->value);
    }
    Tape tape, conv_tape;
    const Tensor images = test::random_images(config, 2);
    const Var tokens = embed.forward(tape, tape.constant(images));
    const Var expected = conv.forward(conv_tape, conv_tape.constant(images));
    CHECK(tokens.shape() == expected.shape());
    CHECK(test::relative_error(tokens.value, expected.value) < 1e-5);

    const Tensor probe = test::random_tensor(tokens.shape(), 2);
    tape.backward(test::weighted_sum(tape, tokens, probe));
    conv_tape.backward(test::weighted_sum(conv_tape, expected, probe));
    for (const char* name : {"weight", "bias"}) {
      CHECK(test::relative_error(store.find(std::string("proj.") + name)->parameter->grad,
                                 conv_store.find(name)->parameter->grad) < 1e-4);
    }
  }
}

}  // namespace
}  // namespace tessera
