#include "train/initial_model.h"

#include <doctest/doctest.h>

#include "train/config/config.h"

namespace tessera {
namespace {

TensorFile file_with(const std::string& config) {
  return {.path = "f", .metadata = {{"naming", "tessera"}, {"config", config}}, .tensors = {}};
}

TEST_CASE("the geometry of a file is what its own configuration says") {
  Config config;
  config.has_data = false;
  config.model.image_size = {60, 24};
  config.model.patch_size = {6, 3};
  config.model.window_size = {5, 3};
  config.model.depths = {1, 1};
  config.model.num_heads = {1, 2};
  const std::optional<ModelConfig> model = stored_model(file_with(to_yaml(config)));
  REQUIRE(model);
  CHECK(model->image_size == config.model.image_size);
  CHECK(model->window_size == config.model.window_size);
}

TEST_CASE("metadata that is no configuration says nothing") {
  for (const char* text : {"", "{", "- 1", "model: {nonsense: 1}", "base: /etc/passwd"}) {
    CAPTURE(text);
    CHECK(!stored_model(file_with(text)));
  }
  CHECK(!stored_model({.path = "f", .metadata = {}, .tensors = {}}));
}

}  // namespace
}  // namespace tessera
