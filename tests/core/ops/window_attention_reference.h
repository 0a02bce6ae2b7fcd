// Window attention in double precision as torchvision writes it: pad, roll, partition, attend,
// merge, roll back, crop. Nothing is clever here.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/ops/window_attention.h"

namespace tessera::test {

struct AttentionInputs {
  std::vector<double> qkv, bias, pad, logit_scale;  // empty: none
};

/// Sizes of the reference; `config` is the op's.
struct AttentionReference {
  std::int64_t batch, height, width, channels;
  ops::WindowAttentionConfig config;

  std::vector<double> operator()(const AttentionInputs& in) const {
    const auto [wh, ww] = config.window;
    const auto [sh, sw] = config.shift;
    const std::int64_t padded_h = (height + wh - 1) / wh * wh,
                       padded_w = (width + ww - 1) / ww * ww;
    const std::int64_t step = 3 * channels, head_dim = channels / config.num_heads;
    const std::int64_t n = wh * ww;
    std::vector<double> out(static_cast<std::size_t>(batch * height * width * channels));
    for (std::int64_t b = 0; b < batch; ++b) {
      // rolled[y, x] = padded[(y + sh) % H, (x + sw) % W], or padded like the map after the roll
      std::vector<double> rolled(static_cast<std::size_t>(padded_h * padded_w * step));
      std::vector<bool> is_padding(static_cast<std::size_t>(padded_h * padded_w));
      for (std::int64_t y = 0; y < padded_h; ++y) {
        for (std::int64_t x = 0; x < padded_w; ++x) {
          const auto [from_y, from_x] = place_before(y, x);
          const bool padding = from_y >= height || from_x >= width;
          is_padding[at(y * padded_w + x)] = padding;
          for (std::int64_t c = 0; c < step; ++c) {
            double value = 0.0;
            if (!padding) {
              value = in.qkv[at(((b * height + from_y) * width + from_x) * step + c)];
            } else if (!in.pad.empty()) {
              value = in.pad[at(c)];
            }
            rolled[at((y * padded_w + x) * step + c)] = value;
          }
        }
      }
      for (std::int64_t top = 0; top < padded_h; top += wh) {
        for (std::int64_t left = 0; left < padded_w; left += ww) {
          std::vector<std::int64_t> tokens, regions;
          for (std::int64_t y = top; y < top + wh; ++y) {
            for (std::int64_t x = left; x < left + ww; ++x) {
              tokens.push_back(y * padded_w + x);
              regions.push_back(3 * region(y, padded_h, wh, sh) + region(x, padded_w, ww, sw));
            }
          }
          for (std::int64_t head = 0; head < config.num_heads; ++head) {
            for (std::int64_t i = 0; i < n; ++i) {
              const std::vector<double> row =
                  attend(in, rolled, is_padding, tokens, regions, head, head_dim, i);
              const auto [y, x] = place_before(tokens[at(i)] / padded_w, tokens[at(i)] % padded_w);
              if (y >= height || x >= width) continue;
              const std::int64_t to = ((b * height + y) * width + x) * channels + head * head_dim;
              std::copy(row.begin(), row.end(), out.begin() + to);
            }
          }
        }
      }
    }
    return out;
  }

 private:
  /// Where (y, x) of what is cut into windows was in the map, beyond it if in the padding.
  std::array<std::int64_t, 2> place_before(std::int64_t y, std::int64_t x) const {
    const auto [wh, ww] = config.window;
    if (config.roll_first) {
      if (y < height) y = (y + config.shift[0]) % height;
      if (x < width) x = (x + config.shift[1]) % width;
      return {y, x};
    }
    return {(y + config.shift[0]) % ((height + wh - 1) / wh * wh),
            (x + config.shift[1]) % ((width + ww - 1) / ww * ww)};
  }

  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

  static std::int64_t region(std::int64_t i, std::int64_t length, std::int64_t window,
                             std::int64_t shift) {
    if (shift == 0) return 0;
    return i < length - window ? 0 : (i < length - shift ? 1 : 2);
  }

  // Output of query i of a window: [head_dim].
  std::vector<double> attend(const AttentionInputs& in, const std::vector<double>& rolled,
                             const std::vector<bool>& is_padding,
                             const std::vector<std::int64_t>& tokens,
                             const std::vector<std::int64_t>& regions, std::int64_t head,
                             std::int64_t head_dim, std::int64_t i) const {
    const auto n = static_cast<std::int64_t>(tokens.size());
    const auto row = [&](std::int64_t token, std::int64_t part) {
      return rolled.data() + tokens[at(token)] * 3 * channels + part * channels + head * head_dim;
    };
    const auto norm = [&](const double* x) {
      double squares = 0.0;
      for (std::int64_t d = 0; d < head_dim; ++d) squares += x[d] * x[d];
      return std::max(std::sqrt(squares), 1e-12);
    };
    std::vector<double> p(tokens.size(), 0.0);
    double sum = 0.0;
    for (std::int64_t j = 0; j < n; ++j) {
      if (config.mask_padding && is_padding[at(tokens[at(j)])]) continue;
      double logit = 0.0;
      for (std::int64_t d = 0; d < head_dim; ++d) logit += row(i, 0)[d] * row(j, 1)[d];
      if (in.logit_scale.empty()) {
        logit *= double{config.scale};
      } else {
        logit *= std::exp(std::min(in.logit_scale[at(head)], std::log(100.0))) /
                 (norm(row(i, 0)) * norm(row(j, 1)));
      }
      if (!in.bias.empty()) logit += in.bias[at((head * n + i) * n + j)];
      if (regions[at(i)] != regions[at(j)]) logit -= 100.0;
      p[at(j)] = std::exp(logit);
      sum += p[at(j)];
    }
    std::vector<double> out(at(head_dim), 0.0);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t d = 0; d < head_dim; ++d) out[at(d)] += p[at(j)] / sum * row(j, 2)[d];
    }
    return out;
  }
};

}  // namespace tessera::test
