#include "report/probes/attention_maps.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

using test::random_images;

/// A forward pass of random weights on random images.
struct Traced {
  explicit Traced(const ModelConfig& config, std::int64_t batch = 1, bool training = false)
      : model(config) {
    test::randomize(model);
    Tape tape({.training = training});
    logits = model.forward(tape, tape.constant(random_images(config, batch)), &trace)[0].value;
  }

  std::vector<AttentionMap> maps(std::int64_t image = 0, std::optional<Size2> pixel = {}) const {
    return attention_maps(trace, model.config(), image, pixel);
  }

  Model model;
  ModelTrace trace;
  Tensor logits;
};

/// Maps of 11 x 9 and 6 x 5 tokens in windows of 3 x 4, shifted: the window divides nothing.
ModelConfig odd_config() {
  ModelConfig config = test::tiny_config();
  config.image_size = {22, 19};
  config.window_size = {3, 4};
  return config;
}

ModelConfig mean_vit_config() {
  ModelConfig config = test::tiny_vit_config();
  config.pool = Pooling::kMean;
  return config;
}

double sum_of(const AttentionMap& map, std::int64_t head) {
  const std::int64_t tokens = map.heads.dim(1) * map.heads.dim(2);
  double sum = 0.0;
  for (std::int64_t i = 0; i < tokens; ++i) sum += double{map.heads.f32()[head * tokens + i]};
  return sum;
}

TEST_CASE("attention maps: what one token pays sums to 1 over the map, in every block and head") {
  for (const ModelConfig& config :
       {test::tiny_config(), odd_config(), test::tiny_v2_config(), mean_vit_config()}) {
    const Traced traced(config);
    for (const Size2 pixel : {Size2{0, 0}, Size2{7, 15}, Size2{15, 4}}) {
      for (const AttentionMap& map : traced.maps(0, pixel)) {
        CAPTURE(map.stage);
        CAPTURE(map.block);
        CHECK((*map.query)[0] == pixel[0] / map.cell[0]);
        CHECK((*map.query)[1] == pixel[1] / map.cell[1]);
        for (std::int64_t head = 0; head < map.heads.dim(0); ++head) {
          CHECK(sum_of(map, head) == doctest::Approx(1.0).epsilon(1e-5));
        }
      }
    }
  }
}

TEST_CASE("attention maps: cells of overlapping patches are a stride wide, around their middles") {
  ModelConfig config = test::tiny_config();
  config.image_size = {18, 19};
  config.patch_size = {6, 4};
  config.patch_embed.type = PatchEmbedType::kSliding;
  config.patch_embed.stride = {2, 3};  // 7 x 6 tokens
  const Traced traced(config);
  const auto maps = traced.maps();
  CHECK(maps.front().heads.shape() == Shape{2, 7, 6});
  CHECK(maps.front().cell == Size2{2, 3});
  CHECK(maps.front().first == Size2{2, 0});
  CHECK(maps.front().seen == Size2{18, 19});
  CHECK(maps.back().cell == Size2{4, 6});
  // The middle of each patch lies in the cell of its token, and the last one's pixels are its own.
  for (std::int64_t row = 0; row < 7; ++row) {
    for (std::int64_t column = 0; column < 6; ++column) {
      CHECK(traced.maps(0, Size2{2 * row + 3, 3 * column + 1}).front().query == Size2{row, column});
    }
  }
  CHECK(traced.maps(0, Size2{17, 18}).front().query == Size2{6, 5});
  CHECK(traced.maps(0, Size2{0, 0}).front().query == Size2{0, 0});
  CHECK_THROWS_AS(traced.maps(0, Size2{18, 0}), ConfigError);
}

TEST_CASE("attention maps: what tokens receive is 1 on average") {
  for (const ModelConfig& config :
       {test::tiny_config(), odd_config(), test::tiny_v2_config(), mean_vit_config()}) {
    const auto maps = Traced(config).maps();
    std::size_t blocks = 0;
    for (const std::int64_t depth : config.depths) blocks += static_cast<std::size_t>(depth);
    REQUIRE(maps.size() == blocks);
    for (const AttentionMap& map : maps) {
      const std::int64_t tokens = map.heads.dim(1) * map.heads.dim(2);
      CHECK(map.heads.dim(0) == config.num_heads[static_cast<std::size_t>(map.stage)]);
      CHECK_FALSE(map.query);
      for (std::int64_t head = 0; head < map.heads.dim(0); ++head) {
        CHECK(sum_of(map, head) == doctest::Approx(static_cast<double>(tokens)).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("attention maps: of the class token, the rest goes to itself") {
  const Traced traced(test::tiny_vit_config());
  for (const AttentionMap& map : traced.maps()) {
    CHECK(map.heads.shape() == Shape{2, 8, 8});
    for (std::int64_t head = 0; head < 2; ++head) {
      CHECK(sum_of(map, head) < 1.0);
      CHECK(sum_of(map, head) > 0.5);
    }
  }
  // Of the token at the last pixel: row 64 of 65.
  const ops::AttentionProbabilities p = ops::attention_probabilities(traced.trace.attention[0]);
  const AttentionMap map = traced.maps(0, Size2{15, 15})[0];
  for (std::int64_t i = 0; i < 64; ++i) {
    REQUIRE(map.heads.f32()[i] == p.values.f32()[64 * 65 + 1 + i]);
  }
}

/// The window that row or column `i` of a map is in, counted from -1 for what the shift cuts off.
std::int64_t window_of(std::int64_t i, std::int64_t window, std::int64_t shift) {
  return (i - shift + window) / window - 1;
}

/// The probability with which token `query` takes from each token of a Swin block, worked out on
/// the map itself: those of the same window see each other, and the bias is that of their distance.
std::vector<double> naive_row(const ops::AttentionArguments& a, const Tensor& table,
                              std::int64_t head, std::int64_t query) {
  const auto [wh, ww] = a.config.window;
  const std::int64_t height = a.qkv.dim(1), width = a.qkv.dim(2), channels = a.qkv.dim(3) / 3;
  const std::int64_t head_dim = channels / a.config.num_heads;
  std::vector<double> p(static_cast<std::size_t>(height * width));
  double sum = 0.0;
  for (std::int64_t key = 0; key < height * width; ++key) {
    const std::int64_t y = query / width, x = query % width, v = key / width, u = key % width;
    if (window_of(y, wh, a.config.shift[0]) != window_of(v, wh, a.config.shift[0])) continue;
    if (window_of(x, ww, a.config.shift[1]) != window_of(u, ww, a.config.shift[1])) continue;
    const std::int64_t row = (y - v + wh - 1) * (2 * ww - 1) + x - u + ww - 1;
    double logit = double{table.f32()[row * a.config.num_heads + head]};
    for (std::int64_t d = 0; d < head_dim; ++d) {
      const std::int64_t channel = head * head_dim + d;
      logit += double{a.config.scale} * double{a.qkv.f32()[query * 3 * channels + channel]} *
               double{a.qkv.f32()[key * 3 * channels + channels + channel]};
    }
    sum += p[static_cast<std::size_t>(key)] = std::exp(logit);
  }
  for (double& value : p) value /= sum;
  return p;
}

void check_against_naive(const ModelConfig& config) {
  const Traced traced(config);
  const std::vector<AttentionMap> received = traced.maps();
  for (std::size_t index = 0; index < received.size(); ++index) {
    const AttentionMap& map = received[index];
    CAPTURE(map.stage);
    CAPTURE(map.block);
    const std::string name =
        fmt::format("stages.{}.blocks.{}.attn.relative_position_bias_table", map.stage, map.block);
    const Tensor table = traced.model.parameters.find(name)->parameter->value;
    const std::int64_t tokens = map.heads.dim(1) * map.heads.dim(2), head = map.heads.dim(0) - 1;
    std::vector<double> sums(static_cast<std::size_t>(tokens));
    double worst = 0.0;
    for (std::int64_t query = 0; query < tokens; ++query) {
      const auto row = naive_row(traced.trace.attention[index], table, head, query);
      const Size2 pixel{query / map.heads.dim(2) * map.cell[0],
                        query % map.heads.dim(2) * map.cell[1]};
      const AttentionMap paid = traced.maps(0, pixel)[index];
      for (std::size_t i = 0; i < row.size(); ++i) {
        const float value = paid.heads.f32()[static_cast<std::size_t>(head * tokens) + i];
        worst = std::max(worst, std::abs(double{value} - row[i]));
        sums[i] += row[i];
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const float value = map.heads.f32()[static_cast<std::size_t>(head * tokens) + i];
      worst = std::max(worst, std::abs(double{value} - sums[i]));
    }
    CHECK(worst < 1e-5);
  }
}

TEST_CASE("attention maps: shifts and windows are undone") {
  check_against_naive(test::tiny_config());
  check_against_naive(odd_config());
}

TEST_CASE("attention maps: of each image of a batch, the same with and without gradients") {
  const ModelConfig config = odd_config();
  const Traced traced(config, 3), recorded(config, 3, true);
  const auto first = traced.maps(0), last = traced.maps(2), again = recorded.maps(2);
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(test::relative_error(last[i].heads, again[i].heads) == 0.0);
    CHECK(test::relative_error(last[i].heads, first[i].heads) > 1e-3);
  }
}

TEST_CASE("attention maps: the mean is over the heads") {
  AttentionMap map;
  map.heads = Tensor::from({2, 1, 2}, std::vector<float>{1.0f, 2.0f, 3.0f, 6.0f});
  CHECK(map.mean().shape() == Shape{1, 2});
  CHECK(map.mean().f32()[0] == 2.0f);
  CHECK(map.mean().f32()[1] == 4.0f);
}

TEST_CASE("attention maps: a pixel beyond the last whole patch belongs to none") {
  const Traced traced(odd_config());  // 9 patches of 2 pixels in 19
  CHECK_NOTHROW(traced.maps(0, Size2{21, 17}));
  CHECK_THROWS_WITH_AS(traced.maps(0, Size2{21, 18}),
                       "[attention] pixel x 18, y 21 of the model's image belongs to no patch: x "
                       "must be less than 18, y than 22",
                       ConfigError);
}

}  // namespace
}  // namespace tessera
