// Frozen parameters get no gradient, and the others the same as ever.
#include <doctest/doctest.h>

#include "optim/update_runs.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

void check_frozen(const ModelConfig& config, const std::vector<std::string>& patterns) {
  Model whole(config), part(config);
  test::randomize(whole);
  test::randomize(part);
  freeze_parameters(part.parameters, patterns);
  CHECK(test::train_step(whole, 2) == test::train_step(part, 2));
  std::size_t frozen = 0;
  const auto& entries = part.parameters.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CAPTURE(entries[i].name);
    const Parameter& parameter = *entries[i].parameter;
    const Tensor& expected = whole.parameters.entries()[i].parameter->grad;
    if (parameter.frozen) {
      ++frozen;
      CHECK_FALSE(parameter.grad_ready);
      for (const float value : parameter.grad.span()) CHECK(value == 0.0f);
    } else {
      CHECK(test::relative_error(parameter.grad, expected) < 1e-6);
    }
  }
  CHECK(frozen > 0);
  CHECK(frozen < entries.size());
}

TEST_CASE("frozen: the trunk, the embedding, single parts, in every network") {
  for (const ModelConfig& config : {test::tiny_config(), test::tiny_v2_config()}) {
    check_frozen(config, {"patch_embed.*", "stages.*"});
    check_frozen(config, {"patch_embed.*", "stages.0.*"});
    check_frozen(config, {"*.norm?.*", "*.bias"});
    check_frozen(config, {"*.attn.*"});
    check_frozen(config, {"*.mlp.*"});
    check_frozen(config, {"*.weight"});
    check_frozen(config, {"head.*"});
  }
  for (const char* pattern : {"blocks.*", "pos_embed", "cls_token", "*.weight", "patch_embed.*"}) {
    check_frozen(test::tiny_vit_config(), {pattern});
  }
}

}  // namespace
}  // namespace tessera
