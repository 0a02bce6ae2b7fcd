#include "formats/onnx/window_masks.h"

#include <algorithm>
#include <vector>

namespace tessera::onnx {
namespace {

constexpr float kOtherRegion = -100.0f;
constexpr float kExcluded = -1e30f;

/// A token of the rolled map.
struct Token {
  std::int64_t region;
  bool padding;
};

// Along one axis: 0 for what the roll moved with all its window, 1 and 2 for the two parts that it
// brought together in the last window.
std::int64_t region_of(std::int64_t at, const WindowPlan& plan, std::size_t axis) {
  if (plan.shift[axis] == 0 || at < plan.padded[axis] - plan.window[axis]) return 0;
  return at < plan.padded[axis] - plan.shift[axis] ? 1 : 2;
}

// The tokens of the window whose first one is at (top, left) of the rolled map.
std::vector<Token> window_tokens(const WindowPlan& plan, Size2 map, std::int64_t top,
                                 std::int64_t left) {
  std::vector<Token> tokens;
  for (std::int64_t y = top; y < top + plan.window[0]; ++y) {
    for (std::int64_t x = left; x < left + plan.window[1]; ++x) {
      tokens.push_back({3 * region_of(y, plan, 0) + region_of(x, plan, 1),
                        (y + plan.shift[0]) % plan.padded[0] >= map[0] ||
                            (x + plan.shift[1]) % plan.padded[1] >= map[1]});
    }
  }
  return tokens;
}

}  // namespace

Tensor window_mask(const WindowPlan& plan, Size2 map, WindowPadding padding) {
  const std::int64_t tokens = plan.tokens();
  const bool mask_padding = padding == WindowPadding::kMasked;
  Tensor mask = Tensor::empty({1, plan.windows(), 1, tokens, tokens});
  float* to = mask.f32();
  for (std::int64_t top = 0; top < plan.padded[0]; top += plan.window[0]) {
    for (std::int64_t left = 0; left < plan.padded[1]; left += plan.window[1]) {
      const std::vector<Token> window = window_tokens(plan, map, top, left);
      for (const Token& query : window) {
        for (const Token& key : window) {
          *to++ = (query.region == key.region ? 0.0f : kOtherRegion) +
                  (mask_padding && key.padding ? kExcluded : 0.0f);
        }
      }
    }
  }
  const auto values = mask.span();
  const bool empty = std::all_of(values.begin(), values.end(), [](float v) { return v == 0.0f; });
  return empty ? Tensor() : mask;
}

}  // namespace tessera::onnx
