#include "layers/transformer_block.h"

#include <doctest/doctest.h>

namespace tessera {
namespace {

TEST_CASE("stochastic depth rises linearly over all blocks of all stages") {
  ModelConfig config;
  config.depths = {2, 3, 1};
  config.drop_path = 0.25;
  const std::vector<float> rates = drop_path_rates(config);
  REQUIRE(rates.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(rates[i] == doctest::Approx(0.05 * static_cast<double>(i)));
  }
  config.depths = {1};
  CHECK(drop_path_rates(config) == std::vector<float>{0.0f});
}

}  // namespace
}  // namespace tessera
