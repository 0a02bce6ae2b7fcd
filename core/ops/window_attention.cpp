#include "core/ops/window_attention.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/kernels/vector_kernels.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

const float kLargestLogitScale = std::log(100.0f);

// What forward and backward pass share besides qkv.
struct Call {
  AttentionShape shape;
  std::int64_t windows;  ///< in the batch
  const AttentionKernels* kernels;
  Tensor bias;        ///< [heads, rows, keys], or of none one row [keys]
  Tensor pad_qkv;     ///< [3C] or none
  Tensor head_scale;  ///< [heads]

  std::int64_t items() const { return windows * shape.num_heads; }

  // Some ten microseconds of work.
  std::int64_t grain() const {
    const std::int64_t flops = 4 * shape.tokens * shape.tokens * shape.head_dim;
    return std::max<std::int64_t>(1, (1 << 20) / flops);
  }
};

void check_config(const Var& qkv, const WindowAttentionConfig& config) {
  if (qkv.shape().rank() != 4 || qkv.value.dtype() == DType::kI32) {
    fail<ShapeError>("[window_attention] qkv {} {}: must be [B, H, W, 3C] in f32 or bf16",
                     name_of(qkv.value.dtype()), qkv.shape());
  }
  const std::int64_t heads = config.num_heads;
  if (heads < 1 || qkv.dim(3) % 3 != 0 || qkv.dim(3) / 3 % heads != 0 || qkv.dim(3) == 0) {
    fail<ShapeError>(
        "[window_attention] qkv {} does not fit num_heads {}: its last dimension must be a "
        "multiple "
        "of 3 * num_heads",
        qkv.shape(), heads);
  }
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t window = config.window[axis], shift = config.shift[axis];
    if (window < 1 || shift < 0 || shift >= window) {
      fail<ShapeError>(
          "[window_attention] window {} with shift {} on axis {}: needs window >= 1 and 0 <= shift "
          "< window",
          window, shift, axis == 0 ? "height" : "width");
    }
  }
}

void check_extra(const Var& extra, const char* name, const Shape& expected) {
  if (extra && (extra.shape() != expected || extra.value.dtype() != DType::kF32)) {
    fail<ShapeError>("[window_attention] {} is {} {}, must be f32 {}", name,
                     name_of(extra.value.dtype()), extra.shape(), expected);
  }
}

AttentionShape make_shape(const Var& qkv, bool cosine, const WindowAttentionConfig& config) {
  AttentionShape s{};
  s.height = qkv.dim(1);
  s.width = qkv.dim(2);
  s.num_heads = config.num_heads;
  s.head_dim = qkv.dim(3) / 3 / config.num_heads;
  s.window_h = config.window[0];
  s.window_w = config.window[1];
  s.shift_h = config.shift[0];
  s.shift_w = config.shift[1];
  s.windows_y = (s.height + s.window_h - 1) / s.window_h;
  s.windows_x = (s.width + s.window_w - 1) / s.window_w;
  s.mask_padding = config.mask_padding;
  s.roll_first = config.roll_first;
  s.cosine = cosine;
  s.bf16 = qkv.value.dtype() == DType::kBF16;
  return s;
}

// [heads, N, N] -> tiles whose columns beyond N exclude what is no key. Without a bias one row of
// them stands for all.
Tensor bias_tiles(const Tensor& bias, const AttentionShape& s) {
  if (!bias) {
    const Tensor row = Tensor::zeros({s.keys});
    std::fill(row.f32() + s.tokens, row.f32() + s.keys, kExcluded);
    return row;
  }
  Tensor tiles = Tensor::zeros({s.num_heads, s.rows, s.keys});
  for (std::int64_t head = 0; head < s.num_heads; ++head) {
    for (std::int64_t i = 0; i < s.rows; ++i) {
      float* const row = tiles.f32() + (head * s.rows + i) * s.keys;
      std::fill(row + s.tokens, row + s.keys, kExcluded);
      if (i < s.tokens) {
        std::copy_n(bias.f32() + (head * s.tokens + i) * s.tokens, s.tokens, row);
      }
    }
  }
  return tiles;
}

Tensor head_scales(const Tensor& logit_scale, const WindowAttentionConfig& config) {
  Tensor scales = Tensor::full({config.num_heads}, config.scale);
  if (logit_scale) {
    for (std::int64_t head = 0; head < config.num_heads; ++head) {
      scales.f32()[head] = std::exp(std::min(logit_scale.f32()[head], kLargestLogitScale));
    }
  }
  return scales;
}

bool has_bias(const Call& call) { return call.bias.shape().rank() == 3; }

AttentionForward forward_args(const Call& call, const Tensor& qkv) {
  const AttentionShape& s = call.shape;
  return {.shape = s,
          .qkv = qkv.raw(),
          .bias = call.bias.f32(),
          .bias_step = has_bias(call) ? s.rows * s.keys : 0,
          .bias_row = has_bias(call) ? s.keys : 0,
          .pad_qkv = call.pad_qkv ? call.pad_qkv.f32() : nullptr,
          .head_scale = call.head_scale.f32(),
          .out = nullptr};
}

void run_forward(const Call& call, const Tensor& qkv, const Tensor& out) {
  AttentionForward args = forward_args(call, qkv);
  args.out = out.raw();
  const std::int64_t items = call.items(), size = workspace_size(call.shape, false);
  const Tensor memory = Tensor::zeros({num_parts(items, call.grain()), size});
  parallel_parts(items, call.grain(), [&](int part, std::int64_t begin, std::int64_t end) {
    call.kernels->forward(args, memory.f32() + part * size, begin, end);
  });
}

/// Gradients that are sums over windows, kept by part [parts, ...].
struct PartialGradients {
  Tensor bias;         ///< [parts, heads, rows, keys], or none
  Tensor pad_qkv;      ///< [parts, 3C]
  Tensor logit_scale;  ///< [parts, heads]
};

PartialGradients run_backward(const Call& call, const Tensor& qkv, const Tensor& dout,
                              const GradSink& dqkv) {
  const AttentionShape& s = call.shape;
  const std::int64_t items = call.items(), size = workspace_size(s, true);
  const int parts = num_parts(items, call.grain());
  const Tensor memory = Tensor::zeros({parts, size});
  PartialGradients sums{
      has_bias(call) ? Tensor::zeros({parts, s.num_heads, s.rows, s.keys}) : Tensor(),
      Tensor::zeros({parts, 3 * s.channels()}), Tensor::zeros({parts, s.num_heads})};
  const AttentionForward forward = forward_args(call, qkv);
  parallel_parts(items, call.grain(), [&](int part, std::int64_t begin, std::int64_t end) {
    const AttentionBackward args{
        .forward = forward,
        .dout = dout.raw(),
        .dqkv = dqkv ? dqkv.grad.raw() : nullptr,
        .accumulate = dqkv.accumulate,
        .dbias = sums.bias ? sums.bias.f32() + part * s.num_heads * s.rows * s.keys : nullptr,
        .dpad_qkv = sums.pad_qkv.f32() + part * 3 * s.channels(),
        .dlogit_scale = sums.logit_scale.f32() + part * s.num_heads,
    };
    call.kernels->backward(args, memory.f32() + part * size, begin, end);
  });
  return sums;
}

// to[i] (+)= sum of from[part, i] in the order of the parts.
void add_parts(const Tensor& from, std::int64_t offset, std::int64_t count, bool accumulate,
               float* to) {
  const std::int64_t step = from.numel() / std::max<std::int64_t>(1, from.dim(0));
  for (std::int64_t i = 0; i < count; ++i) {
    float sum = accumulate ? to[i] : 0.0f;
    for (std::int64_t part = 0; part < from.dim(0); ++part) {
      sum += from.f32()[part * step + offset + i];
    }
    to[i] = sum;
  }
}

}  // namespace

AttentionMemory window_attention_memory(const Shape& qkv, DType dtype, bool biased,
                                        const WindowAttentionConfig& config) {
  AttentionShape s{};
  s.num_heads = config.num_heads;
  s.head_dim = qkv[-1] / 3 / config.num_heads;
  s.window_h = config.window[0];
  s.window_w = config.window[1];
  s.bf16 = dtype == DType::kBF16;
  set_tile_sizes(s, vector_kernels().lanes);
  s.dots = vector_kernels().attention->has_dots && s.bf16;
  constexpr std::int64_t kFloat = 4;
  const std::int64_t parts = num_threads();
  const std::int64_t tiles = biased ? kFloat * s.num_heads * s.rows * s.keys : kFloat * s.keys;
  return {.saved = tiles,
          .forward = parts * kFloat * workspace_size(s, false),
          .backward = parts * kFloat * workspace_size(s, true),
          .sums = biased ? parts * tiles : 0};
}

Var window_attention(Tape& tape, const Var& qkv, const Var& bias, const Var& pad_qkv,
                     const Var& logit_scale, const WindowAttentionConfig& config) {
  check_config(qkv, config);
  Call call{};
  call.shape = make_shape(qkv, static_cast<bool>(logit_scale), config);
  const VectorKernels& kernels = config.target ? vector_kernels(*config.target) : vector_kernels();
  call.kernels = kernels.attention;
  set_tile_sizes(call.shape, kernels.lanes);
  call.shape.dots = call.kernels->has_dots && call.shape.bf16 && !call.shape.cosine;
  const AttentionShape& s = call.shape;
  check_extra(bias, "bias", {s.num_heads, s.tokens, s.tokens});
  check_extra(pad_qkv, "pad_qkv", {3 * s.channels()});
  check_extra(logit_scale, "logit_scale", {s.num_heads});
  call.windows = qkv.dim(0) * s.windows_y * s.windows_x;
  call.bias = bias_tiles(bias.value, s);
  call.pad_qkv = pad_qkv.value;
  call.head_scale = head_scales(logit_scale.value, config);

  Tensor out = Tensor::empty(qkv.shape().with_last(s.channels()), qkv.value.dtype());
  const double products =
      static_cast<double>(call.windows * s.tokens) * static_cast<double>(s.tokens * s.channels());
  OpScope op(tape, "window_attention",
             {4.0 * products, static_cast<double>(qkv.value.bytes() + out.bytes())});
  run_forward(call, qkv.value, out);
  return tape.record(
      std::move(out), any_wants_grad(qkv, bias, pad_qkv, logit_scale),
      [call, qkv, dbias = bias.target(), dpad = pad_qkv.target(), logit_scale](Tape& t,
                                                                               const Tensor& dout) {
        const AttentionShape& shape = call.shape;
        const PartialGradients sums = run_backward(call, qkv.value, dout, t.sink(qkv.target()));
        if (const GradSink sink = t.sink(dbias)) {
          const std::int64_t n = shape.tokens;
          for (std::int64_t row = 0; row < shape.num_heads * n; ++row) {
            const std::int64_t offset = (row / n * shape.rows + row % n) * shape.keys;
            add_parts(sums.bias, offset, n, sink.accumulate, sink.grad.f32() + row * n);
          }
        }
        if (const GradSink sink = t.sink(dpad)) {
          add_parts(sums.pad_qkv, 0, 3 * shape.channels(), sink.accumulate, sink.grad.f32());
        }
        if (const GradSink sink = t.sink(logit_scale.target())) {
          for (std::int64_t head = 0; head < shape.num_heads; ++head) {
            // The clamp lets a gradient through up to and at its limit, as torch's does.
            float* const to = sink.grad.f32() + head;
            if (logit_scale.value.f32()[head] <= kLargestLogitScale) {
              add_parts(sums.logit_scale, head, 1, sink.accumulate, to);
            } else if (!sink.accumulate) {
              *to = 0.0f;
            }
          }
        }
      });
}

}  // namespace tessera::ops
