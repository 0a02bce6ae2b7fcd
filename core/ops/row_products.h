// The matrix products of a linear layer over a slice of its rows.
#pragma once

#include <map>
#include <tuple>

#include "core/ops/quantized_products.h"
#include "core/ops/row_slices.h"

namespace tessera {

/// How a weight [out, in] multiplies rows: forward as x W^T + bias, in backward as dy W.
enum class WeightUse : std::uint8_t { kForward, kBackward };

struct RowProduct {
  const void* x = nullptr;  ///< [rows, in] forward, [rows, out] in backward
  void* y = nullptr;        ///< [rows, out] forward, [rows, in] in backward
  std::int64_t rows = 0;
  const float* bias = nullptr;  ///< [out], or none
  bool accumulate = false;      ///< add to y instead of writing it
};

/// Is shown what linear maps multiply, in evaluation.
class InputObserver {
 public:
  virtual ~InputObserver() = default;

  /// `count` elements of the input of `weight` [out, in]. Several threads may call at once.
  virtual void on_input(const Tensor& weight, const void* x, DType dtype, std::int64_t count) = 0;
};

/// What forward products make of weights before they multiply, kept from one pass to the next: for
/// passes between which no weight changes. Rounding the weights of Swin-T to bf16 moves 170 MB,
/// which is nothing beside a batch and more than a quarter of the time of a single image.
class PackedWeights {
 public:
  /// For the weights that lie in `parameters`, the values of a ParameterStore. What an op makes of
  /// a parameter before it multiplies is another tensor in each pass and is not kept.
  explicit PackedWeights(const Tensor& parameters) : parameters_(parameters) {}

  /// `weight` [out, in] as onednn::pack makes it of its transpose, in `dtype`.
  Tensor get(const Tensor& weight, DType dtype);

  std::size_t count() const { return kept_.size(); }

  /// From now on ops multiply by `weight` [out, in], one of the parameters, in integers of 8 bits.
  void quantize(const Tensor& weight, const LinearCode& code);

  /// Null for a weight that multiplies as it is.
  const QuantizedWeight* quantized(const Tensor& weight) const;

  /// From now on `observer` sees the inputs of weights; null: nobody does.
  void show_inputs_to(InputObserver* observer) { observer_ = observer; }
  InputObserver* observer() const { return observer_; }

 private:
  bool holds(const Tensor& weight) const;

  Tensor parameters_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, DType>, Tensor> kept_;
  std::map<std::int64_t, QuantizedWeight> quantized_;  // by place among the parameters
  InputObserver* observer_ = nullptr;
};

/// A weight made ready to multiply the rows of activations of one dtype: rounded to it and, where
/// many slices use it, in the layout that products read fastest.
class RowWeight {
 public:
  /// `kept`, if given, provides the weight of a forward product.
  RowWeight(const Tensor& weight, WeightUse use, DType dtype, const RowSlices& slices,
            PackedWeights* kept = nullptr);

  void multiply(const RowProduct& product) const;

 private:
  WeightUse use_;
  std::int64_t in_, out_;
  bool packed_;
  Tensor values_;
};

/// dW [out, in] (+)= dy^T x over `rows` rows: dy [rows, out], x [rows, in] of `dtype`, into the
/// sums of `part`. Does nothing for empty sums.
void add_weight_gradient(const void* dy, std::int64_t out, const void* x, std::int64_t in,
                         DType dtype, std::int64_t rows, PartialSums& sums, int part);

}  // namespace tessera
